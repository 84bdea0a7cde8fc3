"""Backups: journal, tables and models together, of a running server or a stopped one; their check; their restoration.

A backup is a folder, `<UTC time>` in the folder named, with everything in plain files:

    manifest.json     what it is (see `manifest.Manifest`)       SHA256SUMS   of every file, for `sha256sum -c` too
    journal/          segments up to a durable frame, clock and lists, a mark that says which frame
    snapshots/        states of the route, where a restart may begin
    tables/           one PostgreSQL binary COPY stream a table, all of one database snapshot
    models/           every bundle of models.dir      settings/  the settings in effect (masked), file and policy
    secrets/          site.key, keys.json

Consistent, because the journal is the truth and the rest follows from it: first the files of the journal are opened (an
open file stays readable when retention removes it), then the database's snapshot is taken, then the journal's durable
end is read. So the cursor never lies beyond the journal, and what it lacks, the restored server makes from the journal.

It is written under a name that begins with a dot, read back, and renamed: what has a name is whole. Segments, snapshots
and bundles that the backup before it holds are hard links to the same bytes. Memory: a few MiB, whatever the size.
"""
