/// What was asked for on the command line.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A smoke run: few rounds, few keys.
    pub quick: bool,
    /// Only subjects whose name contains this, and the baseline.
    pub filter: Option<String>,
}

impl Options {
    /// Reads the arguments; ends the process on one that it does not know.
    pub fn from_args() -> Self {
        let mut options = Options::default();
        for argument in std::env::args().skip(1) {
            match &*argument {
                "--bench" => {} // what cargo says to every bench
                "--quick" => options.quick = true,
                name if !name.starts_with('-') => options.filter = Some(argument),
                _ => {
                    eprintln!("unknown option {argument}; there are --quick and a name");
                    std::process::exit(2);
                }
            }
        }
        options
    }

    /// The one number for a smoke run, the other for a full one.
    pub fn pick<N>(&self, quick: N, full: N) -> N {
        if self.quick { quick } else { full }
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| name.contains(&**filter))
    }
}
