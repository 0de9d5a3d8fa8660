# What each file was made from. Snakemake's records of it lie in the results folder itself, name files by their place in
# it or in the workflow, and are compared by content. So results that were moved or copied, or that several clones share,
# are made again exactly where something has changed.
import contextlib
import time

import snakemake.workflow
from snakemake.persistence.file import FilePersistence
from snakemake_interface_executor_plugins.settings import ExecMode
from snakemake.settings.enums import RerunTrigger

from privatune.core.digests import digest, read_digests, write_digests

FOLDERS = {"<results>/": f"{os.path.abspath(OUT)}/", "<workflow>/": f"{LIBRARY.parent}/"}
RECORDS = Path(OUT, ".records")


@functools.cache
def place(path):
    """Return the name of a file in the records, which holds in every clone and wherever the results lie."""
    whole = os.path.abspath(path)
    inside = (label + whole[len(folder) :] for label, folder in FOLDERS.items() if whole.startswith(folder))
    return next(inside, str(path))


class Records(FilePersistence):
    """Records in the results folder, which only their owner can read, as digests of private text are among them."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._metadata_path, self._incomplete_path, self._lockdir = (
            str(RECORDS / name) for name in ("metadata", "incomplete", "locks")
        )
        self.max_checksum_file_size = -1  # `finished` records digests in place of Snakemake's checksums
        self.dag.max_checksum_file_size = sys.maxsize  # a file of any size with a new date may have its old content
        self.dag.workflow.dag_settings.rerun_triggers -= {RerunTrigger.CODE}  # by time; `_code` has scripts by content
        self._known = read_digests(RECORDS / "digests.json")
        self._saved = dict(self._known)
        self._found, self._begun, self._unrecorded = {}, {}, set()

    def _fetch_max_len(self, subject):
        return 140  # characters that a name may have in every file system

    def _get_key(self, f):
        return place(str(f))

    def _input(self, job):
        return sorted(map(place, map(str, job.input)))

    def _params(self, job):
        return [text.replace(f"'{OUT}/", "'<results>/") for text in super()._params(job)]

    @functools.cache
    def _code(self, rule):
        return self._digest(LIBRARY / Path(rule.script).name) if rule.script else super()._code(rule)

    def _digest(self, path):
        if path not in self._found:
            found = digest(path, place(path), self._known)
            self._found[path] = found and f"sha256:{found}"
        return self._found[path]

    def _digests(self, job):
        """The digest of each file that a job reads; folders, which are all temporary, have none."""
        found = {place(path): self._digest(path) for path in map(str, job.input)}
        return {name: found for name, found in found.items() if found}

    def _clear_cache(self):
        super()._clear_cache()
        self._found = {}

    def _read_record(self, key):
        try:
            return super()._read_record(key)
        except ValueError:  # it was damaged
            return None

    def _io_write(self, *arguments):
        self._make_folder()
        super()._io_write(*arguments)

    def _make_folder(self):
        RECORDS.parent.mkdir(parents=True, exist_ok=True)
        RECORDS.mkdir(mode=0o700, exist_ok=True)

    def started(self, job, external_jobid=None):
        super().started(job, external_jobid)
        self._begun[job] = self._digests(job)

    async def finished(self, job):
        await super().finished(job)
        if self.dag.workflow.exec_mode != ExecMode.DEFAULT:  # on a cluster's node, where nothing is recorded
            return
        self._clear_cache()
        now = self._digests(job)
        begun = self._begun.pop(job, now)
        for key in map(self._get_key, job.output):
            if record := self._read_record(key):  # without a file that changed while the job ran
                record.input_checksums = {name: found for name, found in now.items() if begun.get(name) == found}
                self._write_record(key, record)

    def input_checksums(self, job, input_path):
        cache = self.dag.workflow.iocache
        if cache.active and (found := self._digest(str(input_path))):
            cache.checksum[input_path] = found
        records = filter(None, map(self.metadata, job.output))
        return {(record.input_checksums or {}).get(place(str(input_path))) for record in records}

    def has_metadata(self, job):
        return True  # `_input_changed` sees what has no record

    def _input_changed(self, job, file=None):
        record = self.metadata(file)
        if record is None:
            missing = bool(job.input) and os.path.exists(file)  # the checksum of a package says what it is
            self._unrecorded |= {str(file)} if missing else set()
            return missing
        if record.input != self._input(job) or record.code != self._code(job.rule):
            return True
        recorded = record.input_checksums or {}
        return any(recorded.get(name) != found for name, found in self._digests(job).items())

    def _read_locks(self):
        return ((kind, name.replace("<results>/", f"{OUT}/")) for kind, name in super()._read_locks())

    def _write_locks(self, lock_type, keys):
        try:
            self._make_folder()
            os.makedirs(self._lockdir, exist_ok=True)
            super()._write_locks(lock_type, map(place, keys))
        except OSError as error:
            raise WorkflowError(
                f"{OUT}: cannot be written ({error.strerror}); make it writable, or choose another `output:`"
            ) from None

    @contextlib.contextmanager
    def lock(self):
        self._say()
        if self.locked:
            raise WorkflowError(
                f"Directory cannot be locked: another run is writing to {OUT}; wait for it, or, if it was killed, run "
                "snakemake --unlock with the same --configfile, and then the same command again"
            )
        with super().lock():
            yield

    @contextlib.contextmanager
    def lock_warn_only(self):
        self._say()
        with super().lock_warn_only():
            yield

    def _say(self):
        """Refuse input from the future, which would be newer than what is made from it; name a file without a record."""
        for file in {str(f) for job in self.dag.needrun_jobs() for f in job.input}:
            if os.path.exists(file) and (late := os.stat(file).st_mtime) > time.time() + 1:
                raise WorkflowError(
                    f"{file}: its time, {time.strftime('%Y-%m-%d %H:%M', time.localtime(late))}, is in the future; "
                    f"correct the clock of this machine, or run: touch {file}"
                )
        if self._unrecorded:
            logger.warning(
                f"{RECORDS} does not say what {min(self._unrecorded)} was made from, so it is made again, and what follows "
                "from it; if you know that nothing has changed, --touch keeps what is there"
            )

    def unlock(self):
        super().unlock()
        if self._known != self._saved and RECORDS.exists():
            gone = [n for n in self._known if n.startswith("<results>/") and not os.path.exists(f"{OUT}/{n[10:]}")]
            write_digests(RECORDS / "digests.json", {n: v for n, v in self._known.items() if n not in gone})


snakemake.workflow.FilePersistence = Records  # Snakemake has no setting for it
