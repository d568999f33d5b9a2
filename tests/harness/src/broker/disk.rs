//! What a broker keeps on disk.

use std::{fs, path::Path};

use super::Broker;

impl Broker {
    /// Bytes of all segments of a topic, by its whole name, over all its partitions.
    #[must_use]
    pub fn topic_bytes(&self, topic: &str) -> u64 {
        let nodes = self.cluster.nodes.iter();
        nodes
            .filter_map(|node| node.properties.parent())
            .map(|dir| segments(&dir.join("data"), topic))
            .sum()
    }
}

fn segments(data: &Path, topic: &str) -> u64 {
    let Ok(partitions) = fs::read_dir(data) else {
        return 0;
    };
    let of_topic = partitions.flatten().filter(|partition| {
        let name = partition.file_name();
        let name = name.to_string_lossy();
        name.rsplit_once('-').is_some_and(|(name, _)| name == topic)
    });
    of_topic
        .filter_map(|partition| fs::read_dir(partition.path()).ok())
        .flat_map(|files| files.flatten())
        // Indices are preallocated, and say nothing about what is kept.
        .filter(|file| {
            file.path()
                .extension()
                .is_some_and(|extension| extension == "log")
        })
        .filter_map(|file| file.metadata().ok())
        .map(|meta| meta.len())
        .sum()
}
