use mementos::memoize;

#[memoize(local)]
async fn length(text: &str) -> usize {
    text.len()
}

fn main() {}
