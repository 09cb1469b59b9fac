use super::RedisStore;
use super::expiry::{self, Life};
use super::fault::Fault;
use super::layout::Part;
use super::link::Link;
use super::request::{Again, Request};
use super::scan::Scan;
use super::scripts::{Call, DELETE, REPLACE};
use super::way::Way;
use crate::store::StoreError;
use redis::{Cmd, cmd};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

/// What the store does, for callers that block and for those that await. What is sent is
/// made up at once, and nothing is sent before it is polled.
impl RedisStore {
    pub(super) fn getting(
        &self,
        way: Way,
        key: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + use<> {
        let (link, name) = (self.link.clone(), self.layout.bytes(key));
        async move {
            let get = Request::safe(cmd("GET").arg(&name));
            let got = link.run(way, &name, get).await;
            got.map_err(while_doing("getting"))
        }
    }

    pub(super) fn putting(
        &self,
        way: Way,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> impl Future<Output = Result<(), StoreError>> + use<> {
        let (link, name) = (self.link.clone(), self.layout.bytes(key));
        let put = match Life::until(expires, self.now()) {
            Life::Over => Request::safe(cmd("UNLINK").arg(&name)),
            life => Request::safe(&mut set(&name, bytes, life)),
        };
        async move {
            let put = link.run(way, &name, put).await;
            put.map_err(while_doing("putting"))
        }
    }

    pub(super) fn putting_what_is_absent(
        &self,
        way: Way,
        key: &str,
        bytes: &[u8],
        expires: Option<SystemTime>,
    ) -> impl Future<Output = Result<Option<bool>, StoreError>> + use<> {
        let (link, name) = (self.link.clone(), self.layout.bytes(key));
        let life = Life::until(expires, self.now());
        let put = match life {
            Life::Over => Request::safe(cmd("EXISTS").arg(&name)),
            life => Request::once(set(&name, bytes, life).arg("NX")),
        };
        async move {
            let absent = match life {
                Life::Over => link.run(way, &name, put).await.map(|there: bool| !there),
                _ => {
                    let set = link.run(way, &name, put).await;
                    set.map(|set: Option<String>| set.is_some())
                }
            };
            absent
                .map(Some)
                .map_err(while_doing("putting what is absent"))
        }
    }

    pub(super) fn replacing<B: AsRef<[u8]>>(
        &self,
        way: Way,
        key: &str,
        [old, new]: [B; 2],
        expires: Option<SystemTime>,
    ) -> impl Future<Output = Result<bool, StoreError>> + use<B> {
        let (link, name) = (self.link.clone(), self.layout.bytes(key));
        let life = Life::until(expires, self.now()).argument().to_string();
        async move {
            let call = Call {
                script: &REPLACE,
                keys: &[&name],
                arguments: &[old.as_ref(), new.as_ref(), life.as_bytes()],
            };
            let replaced = link.call(way, &call, Again::Never).await;
            replaced.map_err(while_doing("replacing"))
        }
    }

    pub(super) fn deleting(
        &self,
        way: Way,
        key: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + use<> {
        let link = self.link.clone();
        let (bytes, lease) = (self.layout.bytes(key), self.layout.lease(key));
        async move {
            let call = Call {
                script: &DELETE,
                keys: &[&bytes, &lease],
                arguments: &[],
            };
            // To delete twice is no harm. Whoever does so is told that nothing was there
            // the second time, which is better than not to know that it is gone.
            let deleted = match link.call(way, &call, Again::Safe).await {
                Err(fault) if fault.is_split() => {
                    delete_one_by_one(&link, way, &bytes, &lease).await
                }
                deleted => deleted,
            };
            deleted.map_err(while_doing("deleting"))
        }
    }

    pub(super) fn getting_many(
        &self,
        way: Way,
        keys: &[&str],
    ) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, StoreError>> + use<> {
        let link = self.link.clone();
        let names: Vec<_> = keys.iter().map(|key| self.layout.bytes(key)).collect();
        async move {
            let found = link.get_many(way, &names).await;
            found.map_err(while_doing("getting many"))
        }
    }

    /// All keys that begin with `prefix`, in order.
    pub(super) fn listing(
        &self,
        way: Way,
        prefix: &str,
    ) -> impl Future<Output = Result<Vec<String>, StoreError>> + use<> {
        let (link, layout) = (self.link.clone(), self.layout.clone());
        let pattern = layout.pattern(Part::Bytes, prefix);
        async move {
            // A server may name a key twice.
            let mut keys = BTreeSet::new();
            let doing = while_doing("listing keys");
            let mut scan = Scan::of(&link, way, &pattern).await.map_err(doing)?;
            while let Some((_, names)) = scan.next().await.map_err(doing)? {
                let ours = names.iter().filter_map(|name| layout.key(name));
                keys.extend(ours.map(str::to_owned));
            }
            Ok(keys.into_iter().collect())
        }
    }

    /// The leases go before the bytes. The other way round, this could happen:
    ///
    /// ```text
    /// this call       goes past where the bytes of a key would be
    /// a build of it   publishes: its bytes are there, its lease is gone
    /// this call       finds no lease, and returns; the bytes stay
    /// ```
    pub(super) fn deleting_by_prefix(
        &self,
        way: Way,
        prefix: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + use<> {
        let link = self.link.clone();
        let patterns = [Part::Lease, Part::Bytes].map(|part| self.layout.pattern(part, prefix));
        async move {
            for pattern in &patterns {
                let unlinked = link.unlink_all(way, pattern).await;
                unlinked.map_err(while_doing("deleting by prefix"))?;
            }
            Ok(())
        }
    }

    pub(super) fn asking_for_the_ttl(
        &self,
        way: Way,
        key: &str,
    ) -> impl Future<Output = Result<Option<Duration>, StoreError>> + use<> {
        let (link, name) = (self.link.clone(), self.layout.bytes(key));
        async move {
            let ask = Request::safe(cmd("PTTL").arg(&name));
            let millis = link.run(way, &name, ask).await;
            millis
                .map(expiry::ttl)
                .map_err(while_doing("asking for the time to live"))
        }
    }
}

/// A fault while something was being done.
fn while_doing(did: &'static str) -> impl Fn(Fault) -> StoreError + Copy {
    move |fault| StoreError::new(did, fault)
}

/// The lease goes first: from then on a build of it publishes no more.
async fn delete_one_by_one(link: &Link, way: Way, bytes: &str, lease: &str) -> Result<bool, Fault> {
    let unlink = |name: &str| Request::safe(cmd("UNLINK").arg(name));
    let _: bool = link.run(way, lease, unlink(lease)).await?;
    link.run(way, bytes, unlink(bytes)).await
}

fn set(name: &str, bytes: &[u8], life: Life) -> Cmd {
    let mut command = cmd("SET");
    command.arg(name).arg(bytes);
    if let Life::Millis(millis) = life {
        command.arg("PX").arg(millis);
    }
    command
}
