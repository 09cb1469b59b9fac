//! Asks the upstream.

use crate::catalogue::Article;
use crate::etags;
use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mementos::memento;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Asks one host. There is one of it for each, with its pool of connections, whoever asks
/// for it: `Client::memento("127.0.0.1:8080")`.
pub(crate) struct Client {
    host: String,
    http: legacy::Client<HttpConnector, Empty<Bytes>>,
}

/// An article, and the mark that the upstream gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marked {
    /// The article.
    pub(crate) article: Article,
    /// Its mark.
    pub(crate) mark: Option<String>,
}

/// What the upstream says of an article.
pub(crate) enum Said {
    /// This is it.
    Current(Marked),
    /// It is still what has the mark that was asked about.
    NotModified,
    /// There is no such article.
    Nothing,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The upstream was not reached, or the connection broke.
    Unreachable(String),
    /// It answered with this status.
    Status(u16),
    /// It answered with what is no article.
    Garbled(String),
    /// It was not asked: it has failed lately, and what Redis has is stale.
    Stale,
}

/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// How long an answer is waited for. A build that waited for good for one that does not
/// come would keep its key, also when the upstream answers again.
const LIMIT: Duration = Duration::from_secs(30);

#[memento]
impl Client {
    pub(crate) fn new(host: &str) -> Self {
        Client {
            host: host.to_owned(),
            http: legacy::Client::builder(TokioExecutor::new()).build_http(),
        }
    }
}

impl Client {
    /// Asks for an article, unless it is the one that has this mark.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(crate) async fn article(&self, id: u64, known: Option<&str>) -> Result<Said, Refused> {
        let answer = self.ask(&format!("/articles/{id}"), known).await?;
        match answer.status {
            StatusCode::OK => Ok(Said::Current(Marked {
                article: answer.read()?,
                mark: answer.mark,
            })),
            StatusCode::NOT_MODIFIED if known.is_some() => Ok(Said::NotModified),
            StatusCode::NOT_FOUND => Ok(Said::Nothing),
            status => Err(Refused::Status(status.as_u16())),
        }
    }

    /// Asks for the articles on a page: nothing, if there is no such page.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(crate) async fn page(&self, number: u64) -> Result<Option<Vec<u64>>, Refused> {
        let answer = self.ask(&format!("/pages/{number}"), None).await?;
        match answer.status {
            StatusCode::OK => answer.read().map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(Refused::Status(status.as_u16())),
        }
    }

    async fn ask(&self, path: &str, known: Option<&str>) -> Result<Answer, Refused> {
        within(LIMIT, self.ask_and_wait(path, known)).await
    }

    async fn ask_and_wait(&self, path: &str, known: Option<&str>) -> Result<Answer, Refused> {
        let mut request = Request::get(format!("http://{}{path}", self.host));
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, etags::quoted(known));
        }
        let request = request.body(Empty::new()).map_err(unreachable)?;
        let response = self.http.request(request).await.map_err(unreachable)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST).collect().await;
        let mark = head.headers.get(header::ETAG).and_then(etags::unquoted);
        Ok(Answer {
            status: head.status,
            mark: mark.map(str::to_owned),
            body: body.map_err(unreachable)?.to_bytes(),
        })
    }
}

struct Answer {
    status: StatusCode,
    mark: Option<String>,
    body: Bytes,
}

impl Answer {
    fn read<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        serde_json::from_slice(&self.body).map_err(|error| Refused::Garbled(error.to_string()))
    }
}

/// What is answered, if that is in time.
async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, Refused>>,
) -> Result<T, Refused> {
    let answered = tokio::time::timeout(limit, answer).await;
    answered.unwrap_or_else(|_| Err(Refused::Unreachable(format!("no answer within {limit:?}"))))
}

fn unreachable(error: impl fmt::Display) -> Refused {
    Refused::Unreachable(error.to_string())
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Unreachable(why) => write!(f, "the upstream was not reached: {why}"),
            Refused::Status(status) => write!(f, "the upstream answered with status {status}"),
            Refused::Stale => f.write_str("the upstream fails, and what redis has is stale"),
            Refused::Garbled(why) => write!(f, "the upstream answered with no article: {why}"),
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_not_waited_for_for_good() {
        let silent = std::future::pending::<Result<(), Refused>>();
        let refused = within(Duration::from_millis(1), silent).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the upstream was not reached: no answer within 1ms"
        );
    }
}
