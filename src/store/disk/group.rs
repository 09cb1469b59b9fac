use super::DiskError;
use super::file::{Did, File};
use super::tables::Tables;
use parking_lot::{Condvar, Mutex, MutexGuard};
use redb::{Error, WriteTransaction};
use std::mem;
use std::sync::Arc;

/// Makes the changes of several threads in one transaction: waiting for the disk is
/// what a change costs, and it costs no more for many.
///
/// The first thread that finds nobody at it leads: it takes all changes that wait,
/// its own among them, and commits them. The others wait for their outcome; what
/// arrives meanwhile is for the next leader, who is one of those that wait.
#[derive(Default)]
pub(super) struct Group {
    queue: Mutex<Queue>,
    landed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    led: bool,
}

struct Waiting {
    change: Change,
    outcome: Arc<Outcome>,
}

/// Answers how many keys it concerned.
type Change = Box<dyn FnOnce(&mut Tables<'_>) -> Result<usize, Error> + Send>;
type Outcome = Mutex<Option<Result<usize, DiskError>>>;

impl Group {
    /// Makes `change`; when this returns it is on the disk. If one change of a
    /// transaction fails, none of them is made.
    pub(super) fn commit(
        &self,
        file: &File,
        change: impl FnOnce(&mut Tables<'_>) -> Result<usize, Error> + Send + 'static,
    ) -> Result<usize, DiskError> {
        let outcome = Arc::new(Outcome::default());
        let mut queue = self.queue.lock();
        queue.waiting.push(Waiting {
            change: Box::new(change),
            outcome: Arc::clone(&outcome),
        });
        loop {
            if let Some(outcome) = outcome.lock().take() {
                return outcome;
            }
            if queue.led {
                self.landed.wait(&mut queue);
                continue;
            }
            queue.led = true;
            let taken = mem::take(&mut queue.waiting);
            MutexGuard::unlocked(&mut queue, || land(file, taken));
            queue.led = false;
            self.landed.notify_all();
        }
    }
}

/// Does not panic: what can is guarded in the file.
fn land(file: &File, taken: Vec<Waiting>) {
    let (changes, outcomes): (Vec<_>, Vec<_>) = taken
        .into_iter()
        .map(|Waiting { change, outcome }| (change, outcome))
        .unzip();
    match file.write(|transaction| all(transaction, changes)) {
        Ok(answers) => outcomes
            .iter()
            .zip(answers)
            .for_each(|(outcome, answer)| *outcome.lock() = Some(Ok(answer))),
        Err(error) => outcomes
            .iter()
            .for_each(|outcome| *outcome.lock() = Some(Err(error.clone()))),
    }
}

fn all(transaction: &WriteTransaction, changes: Vec<Change>) -> Result<(Vec<usize>, Did), Error> {
    let mut tables = Tables::open(transaction)?;
    let answers = changes
        .into_iter()
        .map(|change| change(&mut tables))
        .collect::<Result<_, _>>()?;
    Ok((answers, tables.did()))
}
