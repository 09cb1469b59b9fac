//! Stands between a server and those to whom it tells what changes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// All connections pass, but those on which the server is asked to tell what changes are
/// as they are said to be.
#[derive(Clone)]
pub(crate) struct Proxy(Arc<Shared>);

struct Shared {
    port: u16,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    lines: Lines,
    /// The listeners' ends.
    listeners: Vec<TcpStream>,
}

/// What becomes of the connections of listeners.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    Open,
    /// What is sent on them is kept back.
    Held,
    /// They are closed, and closed again when they are made anew.
    Cut,
}

impl Proxy {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy(Arc::new(Shared {
            port: listener.local_addr().unwrap().port(),
            state: Mutex::new(State {
                lines: Lines::Open,
                listeners: Vec::new(),
            }),
            changed: Condvar::new(),
        }));
        let of_thread = proxy.clone();
        // It ends with the tests.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    continue;
                };
                let proxy = of_thread.clone();
                thread::spawn(move || proxy.join(client, server));
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.0.port)
    }

    pub(crate) fn open(&self) {
        self.set(Lines::Open);
    }

    pub(crate) fn hold(&self) {
        self.set(Lines::Held);
    }

    pub(crate) fn cut(&self) {
        self.set(Lines::Cut);
    }

    /// Waits until somebody asks to be told what changes.
    pub(crate) fn until_somebody_listens(&self) {
        let state = self.0.state.lock().unwrap();
        let wait = |state: &mut State| state.listeners.is_empty();
        drop(self.0.changed.wait_while(state, wait).unwrap());
    }

    /// Says something to all who listen, as if the server did.
    pub(crate) fn say(&self, bytes: &[u8]) {
        for mut listener in &self.0.state.lock().unwrap().listeners {
            // One that is gone hears nothing.
            let _ = listener.write_all(bytes);
        }
    }

    fn set(&self, lines: Lines) {
        let mut state = self.0.state.lock().unwrap();
        state.lines = lines;
        if lines == Lines::Cut {
            for listener in state.listeners.drain(..) {
                let _ = listener.shutdown(Shutdown::Both);
            }
        }
        self.0.changed.notify_all();
    }

    fn join(&self, client: TcpStream, server: TcpStream) {
        let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let listens = Arc::new(Mutex::new(false));
        let (proxy, told) = (self.clone(), listens.clone());
        thread::spawn(move || {
            proxy.pass(from, to, |_| *told.lock().unwrap());
        });
        let end = client.try_clone().unwrap();
        self.pass(client, server, |bytes| {
            let mut listens = listens.lock().unwrap();
            if !*listens && bytes.windows(8).any(|word| word == b"TRACKING") {
                *listens = true;
                let mut state = self.0.state.lock().unwrap();
                state.listeners.push(end.try_clone().unwrap());
                self.0.changed.notify_all();
            }
            *listens
        });
    }

    /// Passes on what comes, until one of them is gone.
    fn pass(&self, mut from: TcpStream, mut to: TcpStream, listens: impl Fn(&[u8]) -> bool) {
        let mut buffer = [0; 1 << 14];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            if listens(bytes) && !self.may_pass() || to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    /// Waits while what is sent to listeners is kept back; answers whether it passes.
    fn may_pass(&self) -> bool {
        let state = self.0.state.lock().unwrap();
        let held = |state: &mut State| state.lines == Lines::Held;
        self.0.changed.wait_while(state, held).unwrap().lines == Lines::Open
    }
}
