//! What is asked for on the command line.

use std::ffi::{OsStr, OsString};
use std::num::NonZero;
use std::path::PathBuf;
use std::thread::available_parallelism;

pub(crate) const USAGE: &str = "usage: digest DIR [--passes N] [--threads N] [--list] \
                                [--store memory|disk:PATH|redis://HOST|fs:DIR]";

pub(crate) struct Arguments {
    pub(crate) directory: PathBuf,
    pub(crate) passes: usize,
    pub(crate) threads: usize,
    /// Whether to print the digests.
    pub(crate) list: bool,
    /// Where to keep them.
    pub(crate) store: String,
}

pub(crate) enum Asked {
    Run(Arguments),
    Help,
}

impl Asked {
    /// # Errors
    ///
    /// What is wrong with the arguments, in words.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut directory = None;
        let (mut passes, mut threads, mut list) = (2, None, false);
        let mut store = "memory".to_owned();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--help") => return Ok(Asked::Help),
                Some("--list") => list = true,
                Some("--passes") => passes = number("--passes", arguments.next().as_deref())?,
                Some("--threads") => {
                    threads = Some(number("--threads", arguments.next().as_deref())?);
                }
                Some("--store") => store = text("--store", arguments.next())?,
                Some(option) if option.starts_with('-') => {
                    return Err(format!("unknown option {option}; {USAGE}"));
                }
                _ if directory.is_some() => return Err(USAGE.to_owned()),
                _ => directory = Some(PathBuf::from(argument)),
            }
        }
        Ok(Asked::Run(Arguments {
            directory: directory.ok_or(USAGE)?,
            passes,
            threads: threads.unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get)),
            list,
            store,
        }))
    }
}

fn number(option: &str, value: Option<&OsStr>) -> Result<usize, String> {
    let number = value
        .and_then(OsStr::to_str)
        .and_then(|text| text.parse().ok());
    let number = number.map(NonZero::<usize>::get);
    number.ok_or_else(|| format!("{option} needs a number from 1 on; {USAGE}"))
}

fn text(option: &str, value: Option<OsString>) -> Result<String, String> {
    let text = value.and_then(|value| value.into_string().ok());
    text.ok_or_else(|| format!("{option} needs a value; {USAGE}"))
}
