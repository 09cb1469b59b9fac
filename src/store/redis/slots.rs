use super::node::Node;
use redis::Value;
use std::sync::Arc;

/// Which node has which slots.
#[derive(Default)]
pub(super) struct Slots {
    /// The first and the last of each range, and who has them; in order.
    ranges: Vec<(u16, u16, Arc<Node>)>,
}

impl Slots {
    pub(super) fn new(ranges: impl IntoIterator<Item = (u16, u16, Arc<Node>)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().collect();
        ranges.sort_by_key(|(first, _, _)| *first);
        Slots { ranges }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(super) fn node(&self, slot: u16) -> Option<&Arc<Node>> {
        let after = self.ranges.partition_point(|(first, _, _)| *first <= slot);
        let (_, last, node) = self.ranges.get(after.checked_sub(1)?)?;
        (slot <= *last).then_some(node)
    }

    /// Each node once.
    pub(super) fn nodes(&self) -> Vec<Arc<Node>> {
        let mut nodes: Vec<Arc<Node>> = Vec::new();
        for (_, _, node) in &self.ranges {
            if !nodes.iter().any(|known| Arc::ptr_eq(known, node)) {
                nodes.push(node.clone());
            }
        }
        nodes
    }
}

/// A range of slots, as a node tells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Range {
    /// What `CLUSTER SLOTS` answers. What cannot be read is left out: the keys
    /// there fail, and others do not.
    pub(super) fn all(answer: Value) -> Vec<Self> {
        let Value::Array(ranges) = answer else {
            return Vec::new();
        };
        ranges.iter().filter_map(Range::of).collect()
    }

    /// The first and the last slot, then the master, then its replicas.
    fn of(range: &Value) -> Option<Self> {
        let Value::Array(range) = range else {
            return None;
        };
        let [first, last, Value::Array(master), ..] = &range[..] else {
            return None;
        };
        Some(Range {
            first: number(first)?,
            last: number(last)?,
            host: text(master.first()?),
            port: number(master.get(1)?)?,
        })
    }
}

fn number(value: &Value) -> Option<u16> {
    match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    }
}

/// A node that does not know its own name answers with nothing.
fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::Server;
    use super::*;

    fn node(port: u16) -> Arc<Node> {
        let server = Server::at("redis://localhost").unwrap();
        Arc::new(Node::new(server.elsewhere("localhost", port), 1))
    }

    #[test]
    fn a_slot_is_looked_up_in_the_range_that_has_it() {
        let (one, two) = (node(1), node(2));
        let slots = Slots::new([
            (10, 20, two.clone()),
            (0, 4, one.clone()),
            (21, 30, one.clone()),
        ]);
        let at = |slot| slots.node(slot).map(|node| node.address().to_string());
        assert_eq!(at(0).as_deref(), Some("localhost:1"));
        assert_eq!(at(4).as_deref(), Some("localhost:1"));
        assert_eq!(at(5), None);
        assert_eq!(at(20).as_deref(), Some("localhost:2"));
        assert_eq!(at(30).as_deref(), Some("localhost:1"));
        assert_eq!(at(31), None);
        assert_eq!(slots.nodes().len(), 2);
    }

    #[test]
    fn ranges_are_read_from_what_a_node_answers() {
        let master = Value::Array(vec![Value::Nil, Value::Int(7000)]);
        let range = Value::Array(vec![Value::Int(0), Value::Int(9), master]);
        let expected = Range {
            first: 0,
            last: 9,
            host: String::new(),
            port: 7000,
        };
        let odd = Value::Array(vec![Value::Int(70_000)]);
        assert_eq!(Range::all(Value::Array(vec![range, odd])), [expected]);
        assert_eq!(Range::all(Value::Nil), []);
    }
}
