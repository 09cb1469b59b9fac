use super::connection::Server;
use super::link::Link;
use super::listener::{LONGEST, Listener, Terms, Whom};
use super::watching::{Shared, Watching};
use crate::drive::block_on;
use crate::store::bytes::Change;
use std::io;
use std::sync::Arc;

/// Listens to all nodes of a cluster that have keys, each in a thread of its own, and
/// asks the cluster again and again which ones those are.
///
/// A node that is new is listened to from then on, and its listener tells that all may
/// have changed. One that has no keys any more is let go of: all slots have nodes that
/// are listened to by then.
pub(super) struct Listeners {
    link: Arc<Link>,
    terms: Terms,
    nodes: Vec<(Server, Watching)>,
}

impl Listeners {
    pub(super) fn start(link: Arc<Link>, terms: Terms) -> io::Result<Watching> {
        let nodes = Vec::new();
        Watching::by(move |shared| Listeners { link, terms, nodes }.run(shared))
    }

    fn run(mut self, shared: &Shared) {
        while !shared.is_closed() {
            let all = self.update();
            if all.is_none() {
                // Some node may have keys and not be listened to.
                self.terms.tell(Change::All);
            }
            shared.pause(self.terms.step().min(LONGEST));
        }
    }

    /// Nothing unless all nodes that have keys are listened to.
    fn update(&mut self) -> Option<()> {
        let masters = block_on(self.link.masters_anew(self.terms.attempt()))?;
        for server in &masters {
            self.listen(server).ok()?;
        }
        let is_master = |server: &Server| masters.iter().any(|m| m.place() == server.place());
        self.nodes.retain(|(server, _)| is_master(server));
        Some(())
    }

    fn listen(&mut self, server: &Server) -> io::Result<()> {
        if self.nodes.iter().any(|(s, _)| s.place() == server.place()) {
            return Ok(());
        }
        let listener = Listener::start(Whom::Node(server.clone()), self.terms.clone())?;
        self.nodes.push((server.clone(), listener));
        Ok(())
    }
}
