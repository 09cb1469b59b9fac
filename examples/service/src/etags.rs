//! `ETag` and `If-None-Match`, as RFC 9110 has them (8.8.3 and 13.1.2).

use axum::http::{HeaderMap, HeaderValue, header};

/// A mark as the value of an `ETag` header. What can't be in one is left out.
pub(crate) fn quoted(mark: &str) -> HeaderValue {
    let is_allowed = |letter: &char| matches!(letter, '!' | '#'..='~');
    let mark: String = mark.chars().filter(is_allowed).collect();
    let value = HeaderValue::try_from(format!("\"{mark}\""));
    value.expect("these letters are allowed in a header")
}

/// The mark in the value of an `ETag` header.
pub(crate) fn unquoted(value: &HeaderValue) -> Option<&str> {
    let value = value.to_str().ok()?.trim();
    let (mark, rest) = first(value)?;
    rest.trim().is_empty().then_some(mark)
}

/// Whether the request says that its sender has what has this mark.
pub(crate) fn is_among(mark: &str, headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.trim() == "*" || marks(value).any(|known| known == mark))
}

/// The marks of a list. What is no mark ends it.
fn marks(mut list: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let at = list.trim_start_matches([' ', '\t', ',']);
        let (mark, rest) = first(at)?;
        list = rest;
        Some(mark)
    })
}

/// The first mark, weak or strong: for `If-None-Match` they are compared as if they were
/// all weak.
fn first(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix("W/").unwrap_or(text);
    text.strip_prefix('"')?.split_once('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_has_is_told_by_its_marks() {
        for (header, expected) in [
            (r#""a""#, true),
            (r#"W/"a""#, true),
            (r#""b", "a""#, true),
            (r#""b,a",W/"a""#, true),
            ("*", true),
            (r#""b""#, false),
            (r#""b,a""#, false),
            (r#""A""#, false),
            ("a", false),
            (r#""a"#, false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, header.parse().unwrap());
            assert_eq!(is_among("a", &headers), expected, "{header}");
        }
        assert!(!is_among("a", &HeaderMap::new()));
    }

    #[test]
    fn a_mark_comes_back_out_of_its_quotes() {
        assert_eq!(unquoted(&quoted("7-12")), Some("7-12"));
        assert_eq!(quoted("a\"b\n c"), r#""abc""#);
        assert_eq!(unquoted(&HeaderValue::from_static("7-12")), None);
        assert_eq!(unquoted(&HeaderValue::from_static(r#""7" x"#)), None);
    }
}
