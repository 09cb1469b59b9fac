use redis::{Cmd, cmd};

/// Commands in the form that is sent, and how many answers are expected.
pub(super) struct Request {
    packed: Vec<u8>,
    replies: usize,
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
    pub(super) fn safe(command: &Cmd) -> Self {
        Request::new(command, Again::Safe)
    }

    pub(super) fn once(command: &Cmd) -> Self {
        Request::new(command, Again::Never)
    }

    pub(super) fn new(command: &Cmd, again: Again) -> Self {
        Request {
            packed: command.get_packed_command(),
            replies: 1,
            again,
        }
    }

    /// One round trip for all of `commands`.
    pub(super) fn pipeline(commands: impl IntoIterator<Item = Cmd>) -> Self {
        let (mut packed, mut replies) = (Vec::new(), 0);
        for command in commands {
            command.write_packed_command(&mut packed);
            replies += 1;
        }
        Request {
            packed,
            replies,
            again: Again::Safe,
        }
    }

    /// The same, for a node that is about to take the slot over; its first answer
    /// is to the permission.
    pub(super) fn asking(&self) -> Self {
        let mut packed = cmd("ASKING").get_packed_command();
        packed.extend_from_slice(&self.packed);
        Request {
            packed,
            replies: self.replies + 1,
            again: self.again,
        }
    }

    pub(super) fn packed(&self) -> &[u8] {
        &self.packed
    }

    pub(super) fn replies(&self) -> usize {
        self.replies
    }

    pub(super) fn again(&self) -> Again {
        self.again
    }
}
