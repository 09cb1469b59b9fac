use super::file::Did;
use super::time::NEVER;
use redb::{
    Database, Error, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition,
    TableHandle, WriteTransaction,
};

/// Keys are bytes and not text: text that is damaged would not be text.
type Bytes = &'static [u8];

/// key → when it expires, in nanoseconds since 1970, and the bytes.
pub(super) const ENTRIES: TableDefinition<'_, Bytes, (u64, Bytes)> =
    TableDefinition::new("entries");
/// The keys that expire, in the order in which they do.
const EXPIRIES: TableDefinition<'_, (u64, Bytes), ()> = TableDefinition::new("expiries");
/// key → the token of the lease, and when it ends.
pub(super) const LEASES: TableDefinition<'_, Bytes, (u128, u64)> = TableDefinition::new("leases");
/// "layout" → the number of this one.
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("mementos");

const LAYOUT: u64 = 1;

/// Whether a file is a store's, or else what it is.
pub(super) enum Ours {
    Yes,
    No(String),
}

/// Makes the tables in a file that has none; looks whether they are ours in others.
pub(super) fn lay_out(db: &Database) -> Result<Ours, Error> {
    let read = db.begin_read()?;
    let names: Vec<_> = read.list_tables()?.map(|t| t.name().to_owned()).collect();
    if names.is_empty() && read.list_multimap_tables()?.next().is_none() {
        drop(read);
        return begin(db);
    }
    if !names.iter().any(|name| name == ABOUT.name()) {
        return Ok(Ours::No("it has tables of another program".to_owned()));
    }
    ours(
        read.open_table(ABOUT)?
            .get("layout")?
            .map(|layout| layout.value()),
    )
}

fn ours(layout: Option<u64>) -> Result<Ours, Error> {
    Ok(match layout {
        Some(LAYOUT) => Ours::Yes,
        Some(other) => Ours::No(format!("its layout is {other}, and not {LAYOUT}")),
        None => Ours::No("it has no layout".to_owned()),
    })
}

/// Several processes may begin one file: all of them write the same.
fn begin(db: &Database) -> Result<Ours, Error> {
    let transaction = db.begin_write()?;
    transaction.open_table(ABOUT)?.insert("layout", LAYOUT)?;
    Tables::open(&transaction)?;
    transaction.commit()?;
    Ok(Ours::Yes)
}

/// Forgets all rows at once, which does not take as long as one after another.
pub(super) fn empty(transaction: &WriteTransaction) -> Result<((), Did), Error> {
    transaction.delete_table(ENTRIES)?;
    transaction.delete_table(EXPIRIES)?;
    transaction.delete_table(LEASES)?;
    Tables::open(transaction)?;
    Ok(((), Did::Something))
}

/// The keys that begin with `prefix`.
pub(super) fn keys(read: &ReadTransaction, prefix: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    beginning(&read.open_table(ENTRIES)?, prefix, usize::MAX)
}

/// The rows, in a transaction that changes them. All that belongs to one key changes
/// together.
pub(super) struct Tables<'t> {
    entries: Table<'t, Bytes, (u64, Bytes)>,
    expiries: Table<'t, (u64, Bytes), ()>,
    leases: Table<'t, Bytes, (u128, u64)>,
    changed: bool,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Error> {
        Ok(Tables {
            entries: transaction.open_table(ENTRIES)?,
            expiries: transaction.open_table(EXPIRIES)?,
            leases: transaction.open_table(LEASES)?,
            changed: false,
        })
    }

    pub(super) fn did(&self) -> Did {
        if self.changed {
            Did::Something
        } else {
            Did::Nothing
        }
    }

    pub(super) fn put(&mut self, key: &[u8], bytes: &[u8], expires: u64) -> Result<usize, Error> {
        let old = self.entries.insert(key, (expires, bytes))?;
        let before = old.map(|old| old.value().0);
        self.changed = true;
        if before == Some(expires) {
            return Ok(1);
        }
        self.forget_expiry(key, before)?;
        if expires != NEVER {
            self.expiries.insert((expires, key), ())?;
        }
        Ok(1)
    }

    pub(super) fn put_if_absent(
        &mut self,
        key: &[u8],
        bytes: &[u8],
        expires: u64,
    ) -> Result<usize, Error> {
        if self.entries.get(key)?.is_some() {
            return Ok(0);
        }
        self.put(key, bytes, expires)
    }

    pub(super) fn replace(
        &mut self,
        key: &[u8],
        old: &[u8],
        new: &[u8],
        expires: u64,
    ) -> Result<usize, Error> {
        let same = self
            .entries
            .get(key)?
            .is_some_and(|row| row.value().1 == old);
        if !same {
            return Ok(0);
        }
        self.put(key, new, expires)
    }

    /// Voids the lease too.
    pub(super) fn delete(&mut self, key: &[u8]) -> Result<usize, Error> {
        self.void(key)?;
        self.forget(key)
    }

    /// Deletes up to `most` of the keys that begin with `prefix`.
    pub(super) fn delete_some(&mut self, prefix: &[u8], most: usize) -> Result<usize, Error> {
        let keys = beginning(&self.entries, prefix, most)?;
        for key in &keys {
            self.delete(key)?;
        }
        Ok(keys.len())
    }

    /// Voids up to `most` of the leases of keys that begin with `prefix`.
    pub(super) fn void_some(&mut self, prefix: &[u8], most: usize) -> Result<usize, Error> {
        let keys = beginning(&self.leases, prefix, most)?;
        for key in &keys {
            self.void(key)?;
        }
        Ok(keys.len())
    }

    /// Forgets up to `most` keys that have expired by `now`. Their leases stay: whoever
    /// holds one is building what comes next.
    pub(super) fn sweep_some(&mut self, now: u64, most: usize) -> Result<usize, Error> {
        let mut expired = Vec::new();
        let end = (now.saturating_add(1), &[][..]);
        for row in self.expiries.range::<(u64, &[u8])>(..end)?.take(most) {
            let (row, _) = row?;
            let (expires, key) = row.value();
            expired.push((expires, key.to_vec()));
        }
        for (expires, key) in &expired {
            // Before the key: were a row here without one, it would be met for ever.
            self.expiries.remove((*expires, key.as_slice()))?;
            self.forget(key)?;
        }
        self.changed |= !expired.is_empty();
        Ok(expired.len())
    }

    /// Gives up the leases of those who died.
    pub(super) fn sweep_leases(&mut self, now: u64) -> Result<usize, Error> {
        let ended = self.leases.extract_if(|_, (_, ends)| ends <= now)?.count();
        self.changed |= ended > 0;
        Ok(ended)
    }

    /// Takes the lease of `key` unless another's has not ended.
    pub(super) fn acquire(
        &mut self,
        key: &[u8],
        token: u128,
        now: u64,
        ends: u64,
    ) -> Result<usize, Error> {
        let held = self.leases.get(key)?.is_some_and(|row| row.value().1 > now);
        if held {
            return Ok(0);
        }
        self.leases.insert(key, (token, ends))?;
        self.changed = true;
        Ok(1)
    }

    /// Lets the lease last until `ends`, if it is still there under this token.
    pub(super) fn renew(&mut self, key: &[u8], token: u128, ends: u64) -> Result<usize, Error> {
        if !self.holds(key, token)? {
            return Ok(0);
        }
        self.leases.insert(key, (token, ends))?;
        self.changed = true;
        Ok(1)
    }

    /// Gives the lease up, if it is still there under this token.
    pub(super) fn release(&mut self, key: &[u8], token: u128) -> Result<usize, Error> {
        if !self.holds(key, token)? {
            return Ok(0);
        }
        self.void(key)?;
        Ok(1)
    }

    /// Puts and releases, if the lease is still there under this token.
    pub(super) fn publish(
        &mut self,
        key: &[u8],
        token: u128,
        bytes: &[u8],
        expires: u64,
    ) -> Result<usize, Error> {
        if self.release(key, token)? == 0 {
            return Ok(0);
        }
        self.put(key, bytes, expires)
    }

    fn holds(&self, key: &[u8], token: u128) -> Result<bool, Error> {
        Ok(self
            .leases
            .get(key)?
            .is_some_and(|row| row.value().0 == token))
    }

    fn void(&mut self, key: &[u8]) -> Result<(), Error> {
        self.changed |= self.leases.remove(key)?.is_some();
        Ok(())
    }

    fn forget(&mut self, key: &[u8]) -> Result<usize, Error> {
        let Some(expires) = self.entries.remove(key)?.map(|row| row.value().0) else {
            return Ok(0);
        };
        self.changed = true;
        self.forget_expiry(key, Some(expires))?;
        Ok(1)
    }

    fn forget_expiry(&mut self, key: &[u8], expires: Option<u64>) -> Result<(), Error> {
        if let Some(expires) = expires.filter(|&expires| expires != NEVER) {
            self.expiries.remove((expires, key))?;
        }
        Ok(())
    }
}

fn beginning<V: redb::Value + 'static>(
    table: &impl ReadableTable<Bytes, V>,
    prefix: &[u8],
    most: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut keys = Vec::new();
    for row in table.range::<&[u8]>(prefix..)?.take(most) {
        let (key, _) = row?;
        if !key.value().starts_with(prefix) {
            break;
        }
        keys.push(key.value().to_vec());
    }
    Ok(keys)
}
