//! Faults on demand, for the tests that show what a fault in here does to the question that has it and to all others.

/// Ends the instance if the question says so, by a path in it.
pub(crate) fn provoke(question: &[u8]) {
    let says = |fault: &str| question.windows(fault.len()).any(|part| part == fault.as_bytes());
    if says("__engine/stack") {
        deeper(1);
    }
    if says("__engine/memory") {
        exhausted();
    }
    assert!(!says("__engine/panic"), "provoked");
}

/// Overflows the stack.
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 64]);
    deeper(depth + 1) + here.iter().sum::<u64>()
}

/// Asks for more memory than a module can have.
fn exhausted() -> usize {
    let parts: Vec<Vec<u8>> = (0..8).map(|_| std::hint::black_box(Vec::with_capacity(1 << 30))).collect();
    parts.iter().map(Vec::capacity).sum()
}
