//! A member of a segment goes into a reply, never into a log.

use obhut::segments::Member;

fn log(member: &Member) {
    println!("{member:?}");
    println!("{:?}", member.data);
}

fn main() {}
