use redis::{Cmd, Pipeline, cmd};
use std::mem;

/// Commands that are sent together, and what may be done if no answer comes. There is
/// one answer for each.
pub(super) struct Request {
    commands: Pipeline,
    again: Again,
}

/// What may be done when a connection breaks before the answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// To ask once more changes neither what is kept nor the answer.
    Safe,
    /// The first may have been carried out, and the second would answer otherwise.
    Never,
}

impl Request {
    pub(super) fn safe(command: &mut Cmd) -> Self {
        Request::new(command, Again::Safe)
    }

    pub(super) fn once(command: &mut Cmd) -> Self {
        Request::new(command, Again::Never)
    }

    /// Takes what `command` was made up of, and leaves it empty.
    pub(super) fn new(command: &mut Cmd, again: Again) -> Self {
        Request {
            again,
            ..Request::pipeline([mem::take(command)])
        }
    }

    /// One round trip for all of `commands`.
    pub(super) fn pipeline(commands: impl IntoIterator<Item = Cmd>) -> Self {
        let commands = commands.into_iter();
        let mut pipeline = Pipeline::with_capacity(commands.size_hint().0);
        for command in commands {
            pipeline.add_command(command);
        }
        Request {
            commands: pipeline,
            again: Again::Safe,
        }
    }

    /// The same, for a node that is about to take the slot over; its first answer
    /// is to the permission.
    pub(super) fn asking(&self) -> Self {
        let commands = self.commands.cmd_iter().cloned();
        Request {
            again: self.again,
            ..Request::pipeline([cmd("ASKING")].into_iter().chain(commands))
        }
    }

    #[cfg(feature = "async")]
    pub(super) fn commands(&self) -> &Pipeline {
        &self.commands
    }

    /// In the form that is sent.
    pub(super) fn packed(&self) -> Vec<u8> {
        self.commands.get_packed_pipeline()
    }

    pub(super) fn replies(&self) -> usize {
        self.commands.len()
    }

    pub(super) fn again(&self) -> Again {
        self.again
    }
}
