use super::fault::Fault;
use super::link::Link;
use super::node::Node;
use super::request::Request;
use super::way::Way;
use redis::cmd;
use std::sync::Arc;
use std::vec;

/// All names on the servers that match a pattern, some at a time. A name may come
/// twice. What is there from the beginning to the end is not left out, except while a
/// cluster moves its slot (documentation of `SCAN`).
pub(super) struct Scan<'l> {
    link: &'l Link,
    way: Way,
    pattern: &'l str,
    nodes: vec::IntoIter<Arc<Node>>,
    /// The node that is being looked through, and how far.
    at: Option<(Arc<Node>, u64)>,
}

/// Names, and the node that has them.
pub(super) type Batch = (Arc<Node>, Vec<Vec<u8>>);

/// How many keys a server looks at for one `SCAN`: less than a millisecond's work.
const BATCH: usize = 500;

impl<'l> Scan<'l> {
    pub(super) async fn of(link: &'l Link, way: Way, pattern: &'l str) -> Result<Self, Fault> {
        let nodes = link.nodes(way).await?.into_iter();
        Ok(Scan {
            link,
            way,
            pattern,
            nodes,
            at: None,
        })
    }

    /// The next names, of which there is at least one; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Batch>, Fault> {
        loop {
            let begin = || self.nodes.next().map(|node| (node, 0));
            let Some((node, cursor)) = self.at.take().or_else(begin) else {
                return Ok(None);
            };
            let (next, names) = self.look(&node, cursor).await?;
            self.at = (next != 0).then(|| (node.clone(), next));
            if !names.is_empty() {
                return Ok(Some((node, names)));
            }
        }
    }

    async fn look(&self, node: &Node, cursor: u64) -> Result<(u64, Vec<Vec<u8>>), Fault> {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(self.pattern);
        scan.arg("COUNT").arg(BATCH);
        let scan = Request::safe(&mut scan);
        self.link.run_on(self.way, node, scan).await
    }
}
