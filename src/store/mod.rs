//! What the stores hold: messages and statements of the objects that remember for all isolates.

pub mod block_list;
pub mod decision_log;
pub mod replay;
