//! A bar for who watches.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr, stdout};

const LOOK: &str = "{msg} [{bar:40}] {human_pos} of {human_len} files, {eta} left";

/// A bar on standard error, or a hidden one where nobody sees it, or it would stand
/// between what they want to see.
pub(crate) fn bar(pass: usize, files: usize) -> ProgressBar {
    let is_watched = stdout().is_terminal() && stderr().is_terminal();
    let target = if is_watched {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let look = ProgressStyle::with_template(LOOK).expect("the template is a good one");
    ProgressBar::with_draw_target(Some(files as u64), target)
        .with_style(look.progress_chars("=> "))
        .with_message(format!("pass {pass}"))
}
