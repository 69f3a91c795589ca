//! Reading what was dropped into the folder of a source.
//!
//! ```text
//! place of the file durable → [ items read → records durable → rest put aside, durable → place durable ]* → put away
//! ```
//!
//! A process that dies leaves at most one step that is taken again: its records are there already, and what it put aside
//! is cut to what the place says. A file that changes while it is read is not put away but read anew the next time. One that
//! cannot be read keeps no other waiting.

use std::fs::File;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Error, Run, Syncs};
use crate::connect::{Aside, Connector, Counts, Dropped, FileError, FilePlace, Folder, Item, Opened};
use crate::intake::{CHUNK, Outcome};

/// The name under which the counts of files stand.
const FILES: &str = "files";
/// Why a file is passed over, and looked at again with the next sync.
pub(super) const CLOSED: &str = "a file cannot be opened; the hub must be able to read it";
const BROKEN: &str = "a file cannot be read to its end; the disk fails";
/// Items of one step.
const STEP: usize = 2 * CHUNK;

/// A folder and the connector that reads its files.
pub(super) struct Inbox {
    pub(super) connector: Arc<Connector>,
    pub(super) folder: Arc<Folder>,
}

impl Syncs {
    /// Reads every finished file.
    pub(super) async fn read_folder(
        &self,
        run: &mut Run,
        inbox: &Inbox,
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        inbox.folder.check()?;
        inbox.folder.bring_back(run.places.files.keys().map(String::as_str))?;
        let (finished, strange) = inbox.folder.finished(self.vendors.surroundings.clock.now())?;
        for _ in 0..strange {
            run.counts
                .reject(FILES, "a file whose name ends in none of .csv, .ndjson, .jsonl and .json was left alone");
        }
        // Of files that are gone nothing needs to be known any more.
        run.places.files.retain(|name, _| finished.iter().any(|file| file.name == *name));
        for file in &finished {
            self.read_file(run, inbox, file, progress).await?;
        }
        run.counts.stream(FILES).complete = true;
        self.keep(run).await
    }

    async fn read_file(
        &self,
        run: &mut Run,
        inbox: &Inbox,
        file: &Dropped,
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        let known = run.places.files.get(&file.name);
        let mut place = match known {
            Some(known) if known.is_of(file) => known.clone(),
            // The same name and other bytes: it changed while it was read, so what was put aside of it is put aside anew. What was
            // put aside of one that was read to its end stays.
            known => {
                let same = known.filter(|known| !known.whole).map(|known| known.aside.clone());
                let aside = same.map_or_else(|| inbox.folder.free_aside(&file.name), Ok)?;
                FilePlace { size: file.size, modified: file.modified, aside, ..FilePlace::default() }
            }
        };
        if !place.whole {
            let opened = match inbox.folder.open(file)? {
                Opened::File(opened) => opened,
                Opened::Gone => return Ok(()),
                Opened::Closed => {
                    run.counts.reject(FILES, CLOSED);
                    return Ok(());
                }
            };
            run.places.files.insert(file.name.clone(), place.clone());
            self.keep(run).await?;
            self.take_in(run, inbox, (file, opened), &mut place, progress).await?;
        }
        if place.whole && inbox.folder.put_away(file, place.spoilt, &place.aside)? {
            run.places.files.remove(&file.name);
        }
        Ok(())
    }

    /// Takes in what of a file is not in yet.
    async fn take_in(
        &self,
        run: &mut Run,
        inbox: &Inbox,
        (file, mut opened): (&Dropped, File),
        place: &mut FilePlace,
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        let Ok(head) = Folder::head(&inbox.connector, file.form, &mut opened) else {
            run.counts.reject(FILES, BROKEN);
            return Ok(());
        };
        let mut aside = Aside::of(inbox.folder.parked()?, place, head);
        aside.cut()?;
        let (told, mut steps) = mpsc::channel::<Vec<Item>>(1);
        let (connector, folder, form, code) =
            (inbox.connector.clone(), inbox.folder.clone(), file.form, run.code.clone());
        let before = usize::try_from(place.items).unwrap_or(usize::MAX);
        // Reading and mapping take the disk and the processor for a while; others must not wait for them.
        let reader = tokio::task::spawn_blocking(move || {
            let mut items = folder.read(&connector, form, opened, &code).skip(before).peekable();
            while items.peek().is_some() {
                // Nobody listens any more: the sync ended.
                if told.blocking_send(items.by_ref().take(STEP).collect()).is_err() {
                    return false;
                }
            }
            true
        });
        let mut broken = false;
        while let Some(mut items) = steps.recv().await {
            if let Some(end) = items.iter().position(is_broken) {
                // The disk, not the file: it is tried again from there.
                items.truncate(end);
                broken = true;
            }
            place.items += u64::try_from(items.len()).unwrap_or(u64::MAX);
            place.spoilt |= self.step_file(run, items, &mut aside).await?;
            aside.keep(place)?;
            run.places.files.insert(file.name.clone(), place.clone());
            self.keep(run).await?;
            progress(&run.counts);
            if broken {
                run.counts.reject(FILES, BROKEN);
                break;
            }
        }
        drop(steps);
        if reader.await.map_err(|_| Error::Mapping)? && !broken && inbox.folder.is_unchanged(file) {
            place.whole = true;
            run.places.files.insert(file.name.clone(), place.clone());
            self.keep(run).await?;
        }
        Ok(())
    }

    /// Brings the records of a step in and puts the rest aside. True if something stands in no line of its own.
    async fn step_file(&self, run: &mut Run, items: Vec<Item>, aside: &mut Aside) -> Result<bool, Error> {
        let mut spoilt = false;
        let (mut records, mut stood) = (Vec::new(), Vec::new());
        run.counts.stream(FILES).read += u64::try_from(items.len()).unwrap_or(u64::MAX);
        for Item { place, raw, record } in items {
            match record {
                Ok(record) => {
                    records.push(record);
                    stood.push((place, raw));
                }
                Err(error) => {
                    spoilt |= raw.is_none();
                    run.counts.reject(FILES, &error.reason());
                    aside.put(raw.as_deref(), &place.to_string(), &error.reason())?;
                }
            }
        }
        let taken = self.bring(&records).await?;
        for (taken, (place, raw)) in taken.iter().zip(&stood) {
            run.count(FILES, taken);
            if let Outcome::Rejected(rejection) = &taken.outcome {
                spoilt |= raw.is_none();
                let reason = format!("{} at {:?}: {}", rejection.code, rejection.pointer, rejection.detail);
                aside.put(raw.as_deref(), &place.to_string(), &reason)?;
            }
        }
        Ok(spoilt)
    }
}

/// Could the disk not be read here?
fn is_broken(item: &Item) -> bool {
    matches!(&item.record, Err(FileError::Read(cause)) if cause.kind() != std::io::ErrorKind::InvalidData)
}
