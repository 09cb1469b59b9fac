//! What the upstream publishes: a function of the article's number and the time, so that
//! whoever has an answer can say whether and when it was right.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An article, as it was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// Its number, from 0 on.
    pub id: u64,
    /// Grows by one whenever it is published anew.
    pub version: u64,
    /// What it is called.
    pub title: String,
    /// In cents.
    pub price: u64,
}

/// All articles there are, and how often each is published anew.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue {
    articles: u64,
    period: u64,
}

/// 2025 began so many milliseconds after 1970. Versions are counted from there.
const BEGAN: u64 = 1_735_689_600_000;

/// How many articles are on one page.
const ON_A_PAGE: u64 = 10;

impl Catalogue {
    /// So many articles, each of which is published anew once in a period: not all at the
    /// same time. A period is a millisecond at least.
    pub fn new(articles: u64, period: Duration) -> Self {
        let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX / 4);
        Catalogue {
            articles,
            period: millis.clamp(1, u64::MAX / 4),
        }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.articles
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.articles == 0
    }

    /// The version of an article that is current at a time.
    pub fn version(&self, id: u64, at: SystemTime) -> u64 {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = since.as_millis() as u64;
        (millis.saturating_sub(BEGAN) + self.lead(id)) / self.period
    }

    /// When a version is published, and the one before it is no longer current.
    pub fn published(&self, id: u64, version: u64) -> SystemTime {
        let millis = BEGAN + (version * self.period).saturating_sub(self.lead(id));
        UNIX_EPOCH + Duration::from_millis(millis)
    }

    /// A version of an article, if there is such an article.
    pub fn article(&self, id: u64, version: u64) -> Option<Article> {
        (id < self.articles).then(|| Article {
            id,
            version,
            title: format!("Article {id}"),
            price: 100 + (id * 31 + version * 17) % 9900,
        })
    }

    /// The numbers on a page, if there is such a page.
    pub fn page(&self, number: u64) -> Option<Vec<u64>> {
        let first = number.checked_mul(ON_A_PAGE)?;
        let end = first.saturating_add(ON_A_PAGE).min(self.articles);
        (first < self.articles).then(|| (first..end).collect())
    }

    /// By how much an article is ahead of the first.
    fn lead(&self, id: u64) -> u64 {
        id.wrapping_mul(7919) % self.period
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_current_from_when_it_is_published_until_the_next_is() {
        let catalogue = Catalogue::new(100, Duration::from_millis(700));
        let tick = Duration::from_millis(1);
        for id in [0, 1, 99] {
            let version = catalogue.version(id, SystemTime::now());
            let published = catalogue.published(id, version);
            let ends = catalogue.published(id, version + 1);
            assert_eq!(ends.duration_since(published).unwrap(), 700 * tick);
            for (at, current) in [
                (published - tick, version - 1),
                (published, version),
                (ends - tick, version),
                (ends, version + 1),
            ] {
                assert_eq!(catalogue.version(id, at), current);
            }
        }
    }

    #[test]
    fn pages_have_each_article_once() {
        let catalogue = Catalogue::new(25, Duration::from_secs(1));
        let pages = (0..).map_while(|number| catalogue.page(number));
        let listed: Vec<u64> = pages.flatten().collect();
        assert_eq!(listed, (0..25).collect::<Vec<_>>());
        assert_eq!(catalogue.page(u64::MAX), None);
    }

    #[test]
    fn there_is_nothing_beyond_the_last() {
        let catalogue = Catalogue::new(2, Duration::from_secs(1));
        assert_eq!(catalogue.article(1, 5).map(|article| article.id), Some(1));
        assert_eq!(catalogue.article(2, 5), None);
    }
}
