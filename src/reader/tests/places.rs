//! Who gets a reader, and when readers come and go.

use std::{fs, thread, time::Duration};

use super::{is_well, opaque, pool, process_id, settings, told};
use crate::{
    mail::{OpaqueReason, ReaderOutcome},
    reader::Settings,
};

#[test]
fn many_who_ask_at_once_each_get_their_own_answer() {
    let (pool, outcomes) = pool(Settings { processes: 3, documents: 20, ..settings() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    thread::scope(|scope| {
        for asker in 0..8 {
            let (pool, handle) = (&pool, runtime.handle().clone());
            scope.spawn(move || {
                for message in 0..10 {
                    let mut reader = handle.block_on(pool.reader()).unwrap();
                    assert!(pool.processes() <= 3);
                    for document in 0..3 {
                        let order = format!("echo {asker} {message} {document}");
                        assert_eq!(told(&mut reader, &order).readings[0].text, order);
                    }
                }
            });
        }
    });
    assert_eq!(outcomes.taken(), [ReaderOutcome::Read; 8 * 10 * 3]);
}

#[tokio::test]
async fn who_waits_too_long_gets_no_reader() {
    let patience = Duration::from_millis(50);
    let (pool, _) = pool(Settings { processes: 1, patience, ..settings() });
    let first = pool.reader().await.unwrap();
    assert!(pool.reader().await.is_err());
    assert!(pool.reader_now().is_err());
    drop(first);
    assert!(pool.reader().await.is_ok());
}

#[test]
fn processes_start_when_they_are_needed_and_end_with_the_pool() {
    let (pool, _) = pool(settings());
    assert_eq!(pool.processes(), 0);
    let mut first = pool.reader_now().unwrap();
    let id = process_id(&mut first);
    is_well(&mut pool.reader_now().unwrap());
    assert_eq!(pool.processes(), 2);
    drop(first);
    drop(pool);
    assert!(!fs::exists(format!("/proc/{id}")).unwrap());
}

#[test]
fn a_process_that_has_read_enough_makes_room_for_another() {
    let (pool, _) = pool(Settings { documents: 2, ..settings() });
    let mut reader = pool.reader_now().unwrap();
    let first = process_id(&mut reader);
    assert_eq!(process_id(&mut reader), first);
    let second = process_id(&mut reader);
    assert_ne!(second, first);
    drop(reader);
    assert_eq!(process_id(&mut pool.reader_now().unwrap()), second);
    assert_eq!(pool.processes(), 0);
}

#[test]
fn the_documents_of_a_message_share_its_time_and_the_next_has_its_own() {
    let settings = Settings {
        deadline: Duration::from_millis(200),
        message_deadline: Duration::from_millis(250),
        ..settings()
    };
    let (pool, outcomes) = pool(settings);
    let mut reader = pool.reader_now().unwrap();
    told(&mut reader, "spin");
    told(&mut reader, "spin");
    outcomes.taken();
    let extract = told(&mut reader, "echo too late");
    assert_eq!(extract.opaque, opaque(OpaqueReason::OverLimit));
    assert_eq!(outcomes.taken(), [ReaderOutcome::Opaque]);
    assert_eq!(pool.processes(), 0, "nobody is started for it");
    drop(reader);
    is_well(&mut pool.reader_now().unwrap());
}

#[test]
fn files_and_large_texts_come_through_whole() {
    let (pool, _) = pool(settings());
    let mut reader = pool.reader_now().unwrap();
    let extract = told(&mut reader, "files");
    let files: Vec<_> =
        extract.files.iter().map(|file| (file.path.as_str(), file.octets.as_ref())).collect();
    assert_eq!(files, [("2/1", &[0, 0, 0, 1][..]), ("2/2", &[0, 0, 0, 2]), ("2/3", &[0, 0, 0, 3])]);
    let large = format!("echo {}", "äx".repeat(3 << 20));
    assert_eq!(told(&mut reader, &large).readings[0].text, large);
}
