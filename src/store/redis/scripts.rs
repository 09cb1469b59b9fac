use once_cell::sync::Lazy;
use redis::{Cmd, cmd};

// Where a lease is released, those who listen under its name are told. A user that
// may not publish is no reason to fail, so that is a `pcall`.

/// A script, which the server runs in one step. It is sent once, and named by its
/// checksum from then on.
pub(super) struct Script {
    code: &'static str,
    hash: Lazy<String>,
}

macro_rules! script {
    ($(#[$doc:meta])* $name:ident = $code:literal) => {
        $(#[$doc])*
        pub(super) static $name: Script = Script {
            code: $code,
            hash: Lazy::new(|| redis::Script::new($code).get_hash().to_owned()),
        };
    };
}

script! {
    /// `KEYS`: bytes. `ARGV`: old bytes, new bytes, life.
    REPLACE = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local life = tonumber(ARGV[3])
if life > 0 then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
elseif life == 0 then redis.call('UNLINK', KEYS[1])
else redis.call('SET', KEYS[1], ARGV[2]) end
return 1"
}

script! {
    /// `KEYS`: bytes, lease. In one step, lest a build publish in between.
    DELETE = r"
if redis.call('DEL', KEYS[2]) == 1 then redis.pcall('PUBLISH', KEYS[2], '') end
return redis.call('UNLINK', KEYS[1])"
}

script! {
    /// `KEYS`: lease. `ARGV`: token, life in milliseconds. Whoever asks twice, since
    /// the first answer was lost, is told that it has it.
    ACQUIRE = r"
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return 0"
}

script! {
    /// `KEYS`: lease. `ARGV`: token, life in milliseconds.
    RENEW = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])"
}

script! {
    /// `KEYS`: lease. `ARGV`: token.
    RELEASE = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.pcall('PUBLISH', KEYS[1], '')
return 1"
}

script! {
    /// `KEYS`: bytes, lease. `ARGV`: token, bytes, life.
    PUBLISH = r"
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local life = tonumber(ARGV[3])
if life > 0 then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
elseif life == 0 then redis.call('UNLINK', KEYS[1])
else redis.call('SET', KEYS[1], ARGV[2]) end
redis.call('DEL', KEYS[2])
redis.pcall('PUBLISH', KEYS[2], '')
return 1"
}

/// A script with what it is run on.
pub(super) struct Call<'c> {
    pub(super) script: &'static Script,
    pub(super) keys: &'c [&'c str],
    pub(super) arguments: &'c [&'c [u8]],
}

impl Call<'_> {
    pub(super) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    /// For a server that has not seen the script, or forgot it.
    pub(super) fn in_full(&self) -> Cmd {
        self.command("EVAL", self.script.code)
    }

    fn command(&self, verb: &str, script: &str) -> Cmd {
        let mut command = cmd(verb);
        command.arg(script).arg(self.keys.len());
        for &key in self.keys {
            command.arg(key);
        }
        for &argument in self.arguments {
            command.arg(argument);
        }
        command
    }
}
