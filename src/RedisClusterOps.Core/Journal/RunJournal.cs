using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>Writes one run: each intent before the change, and each outcome after it. Thread-safe.</summary>
/// <remarks>
/// The journal is evidence; the cluster is the truth. If an intent can't be written, the slot is not changed. If an outcome can't be
/// written, the result stands and a warning is returned.
/// </remarks>
internal sealed class RunJournal : IDisposable
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(2);

    private readonly object _turn = new();
    private readonly ClusterLock _lock;
    private readonly FileStream _file;
    private readonly Func<DateTime> _now;
    private readonly RunBuilder _written = new();
    private readonly HashSet<string> _restored = new(StringComparer.Ordinal);
    private DateTime _lastProgress;
    private JournalLine? _unwrittenBegin;
    private bool _torn;
    private bool _ended;

    internal RunJournal(string id, ClusterLock clusterLock, FileStream file, Func<DateTime> now, JournalLine? begin = null)
    {
        _unwrittenBegin = begin;
        Id = id;
        _lock = clusterLock;
        _file = file;
        _now = now;
    }

    /// <summary>Such as <c>20261123T235959Z-4f2a9c</c>. Ids sort by time.</summary>
    public string Id { get; }

    public string Path => _file.Name;

    /// <summary>Why a change of members or roles failed; its end records it. Null if it succeeded.</summary>
    public RedisOperationException? Failure { get; set; }

    /// <summary>The id of a run that begins now.</summary>
    public static string NewId(DateTime now) =>
        now.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture) + "-" + Guid.NewGuid().ToString("N").Substring(0, 6);

    /// <summary>
    /// Takes the lock of the cluster and creates the file of the run, which stays empty until the run records its first slot or setting: a
    /// run that was refused or killed before is in no list.
    /// </summary>
    /// <param name="locks">The folder of the lock; null for the same folder.</param>
    /// <exception cref="RedisOperationException">JournalBusy: another run is changing the cluster. JournalUnavailable. Nothing was
    /// changed.</exception>
    public static RunJournal Begin(JournalFolder folder, RunHeader header, Func<DateTime>? now = null, JournalFolder? locks = null)
    {
        now ??= () => DateTime.UtcNow;
        var began = now();
        var id = NewId(began);
        folder.Create(folder.Runs);
        var path = System.IO.Path.Combine(folder.Runs, id + RunFile.Extension);
        var clusterLock = ClusterLock.Take(locks ?? folder, header, id, began);
        FileStream? file = null;
        try
        {
            // A buffer of one byte disables buffering: bytes that a full disk rejected must not be written with the next line.
            file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 1);
            WholeFile.RestrictToOwner(path);
            JournalRetention.Prune(folder, began);
            var journal = new RunJournal(id, clusterLock, file, now, header.ToLine(began));
            // A change of members has no slots: its commands are its record.
            if (header.Commands.Count > 0)
                journal.Write(flush: true);
            return journal;
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            file?.Dispose();
            clusterLock.Dispose();
            throw JournalFolder.Unavailable(path, failure);
        }
    }

    /// <summary>Records the slots of the run before the first is changed.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: the run must not begin.</exception>
    public void Planned(IEnumerable<SlotEntry> slots)
    {
        var now = _now();
        WriteOrRefuse(slots.Select(slot => JournalLine.Of(JournalLine.Planned, now, slot)).ToArray());
    }

    /// <summary>Records what is about to be done to a slot. It is on the disk when the method returns.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: the slot must not be changed.</exception>
    public void Intend(SlotEntry slot) => WriteOrRefuse(JournalLine.Of(JournalLine.Intent, _now(), slot));

    /// <summary>Records the same for many slots between two masters in one line.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: the slots must not be changed.</exception>
    public void Intend(SlotEntry entry, IEnumerable<int> slots) => WriteOrRefuse(JournalLine.Of(JournalLine.Intent, _now(), entry, slots));

    /// <summary>Records the slots to move between each pair of masters before the first is changed.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: the run must not begin.</exception>
    public void Planned(IEnumerable<(SlotEntry Entry, IEnumerable<int> Slots)> moves)
    {
        var now = _now();
        WriteOrRefuse(moves.Select(move => JournalLine.Of(JournalLine.Planned, now, move.Entry, move.Slots)).ToArray());
    }

    /// <summary>Records the progress of a slot, at most one line in two seconds. A line that can't be written is skipped.</summary>
    public void Progress(int slot, long keysMoved, long? keysLeft)
    {
        lock (_turn)
        {
            var now = _now();
            // Setting the clock back must not stop the records.
            if (now >= _lastProgress && now - _lastProgress < ProgressInterval)
                return;
            _lastProgress = now;
            var line = JournalLine.Of(JournalLine.Progress, now);
            line.Slot = slot;
            line.KeysMoved = keysMoved;
            line.KeysLeft = keysLeft;
            TryWrite(flush: false, line);
        }
    }

    /// <summary>What this run has recorded about a slot; null if nothing.</summary>
    public RedisMigrationSlot? SlotOf(int slot)
    {
        lock (_turn)
            return _written.SlotOf(slot);
    }

    /// <summary>Nodes whose setting this run has restored.</summary>
    public IReadOnlyCollection<string> Restored
    {
        get
        {
            lock (_turn)
                return [.. _restored];
        }
    }

    /// <summary>
    /// Records that a setting of a node is about to be changed and has to be restored. It is on the disk when the method returns.
    /// </summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: the setting must not be changed.</exception>
    public void SettingChanging(int slot, string nodeId)
    {
        lock (_turn)
            _restored.Remove(nodeId);
        var line = JournalLine.Of(JournalLine.SettingChanged, _now());
        line.Slot = slot;
        line.NodeIds = [nodeId];
        WriteOrRefuse(line);
    }

    /// <summary>Records that the setting has its old value: it was restored, or it was never changed.</summary>
    /// <returns>Null if the record is on the disk; otherwise a warning, because a later run may restore the setting again.</returns>
    public string? SettingRestored(int slot, string nodeId)
    {
        lock (_turn)
        {
            _restored.Add(nodeId);
            var line = JournalLine.Of(JournalLine.Progress, _now());
            line.Slot = slot;
            // The previous version reads this line as progress, so it repeats the values of the slot's last line.
            line.KeysMoved = _written.SlotOf(slot)?.KeysMoved ?? 0;
            line.KeysLeft = _written.SlotOf(slot)?.KeysLeft;
            line.Restored = [nodeId];
            return TryWrite(flush: true, line) is { } trouble
                ? "The journal could not be written: " + Printable.Clean(trouble.Message).TrimEnd('.')
                    + ". A later run may set cluster-allow-replica-migration of node " + nodeId + " to yes again."
                : null;
        }
    }

    /// <summary>Records the outcome of a slot.</summary>
    /// <returns>Null if the record is on the disk; otherwise a warning. The result is valid in both cases.</returns>
    public string? Outcome(RedisSlotMigrationResult result, FailureCode? failure = null) => Outcomes([(result, failure)]);

    /// <summary>Records the outcomes of slots.</summary>
    /// <returns>Null if the records are on the disk; otherwise a warning.</returns>
    public string? Outcomes(IReadOnlyList<(RedisSlotMigrationResult Result, FailureCode? Failure)> outcomes)
    {
        if (outcomes.Count == 0)
            return null;
        var now = _now();
        if (TryWrite(flush: true, LinesOf(now, outcomes).ToArray()) is not { } trouble)
            return null;
        var first = outcomes[0].Result;
        var others = outcomes.Count == 1 ? string.Empty : " (and " + (outcomes.Count - 1).ToString(CultureInfo.InvariantCulture) + " more)";
        return "Slot " + first.Slot.ToString(CultureInfo.InvariantCulture) + others + " is " + first.Outcome
            + ", but the journal could not be written: " + Printable.Clean(trouble.Message).TrimEnd('.')
            + ". The list of runs will show it as unfinished.";
    }

    // Slots with equal outcomes share a line: most slots have as many keys as some other slot.
    private static IEnumerable<JournalLine> LinesOf(
        DateTime now, IEnumerable<(RedisSlotMigrationResult Result, FailureCode? Failure)> outcomes)
    {
        foreach (var same in outcomes.GroupBy(outcome =>
            (outcome.Result.Outcome, outcome.Result.KeysMoved, outcome.Result.KeysConflicting, outcome.Result.Reason, outcome.Failure)))
        {
            var elapsed = same.Max(outcome => outcome.Result.Elapsed);
            yield return JournalLine.Of(same.First().Result, elapsed, same.Key.Failure, same.Select(outcome => outcome.Result.Slot), now);
        }
    }

    /// <summary>Writes the end of the run, or deletes the file of a run that recorded nothing, and releases the lock.</summary>
    public void Dispose()
    {
        lock (_turn)
        {
            if (_ended)
                return;
            _ended = true;
            var end = JournalLine.Of(JournalLine.End, _now());
            (end.Failure, end.Reason) = (Failure?.Code.ToString(), Failure?.Message);
            if (_unwrittenBegin is null)
                TryWrite(flush: true, end);
            _file.Dispose();
            if (_unwrittenBegin is not null)
                DeleteUnused();
            _lock.Dispose();
        }
    }

    // A reader skips an empty file, so it may also stay.
    private void DeleteUnused()
    {
        try
        {
            File.Delete(Path);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
        }
    }

    private void WriteOrRefuse(params JournalLine[] lines)
    {
        if (TryWrite(flush: true, lines) is { } trouble)
            throw JournalFolder.Unavailable(Path, trouble);
    }

    private Exception? TryWrite(bool flush, params JournalLine[] lines)
    {
        try
        {
            Write(flush, lines);
            return null;
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            return failure;
        }
    }

    private void Write(bool flush, params JournalLine[] lines)
    {
        lock (_turn)
        {
            if (_unwrittenBegin is not null)
                lines = [_unwrittenBegin, .. lines];
            // In one write, so that a concurrent reader sees whole lines except for the last.
            using var bytes = new MemoryStream();
            foreach (var line in lines)
            {
                var one = line.ToBytes();
                bytes.Write(one, 0, one.Length);
            }

            // A failed attempt may have left half a line, which this line break ends.
            if (_torn)
                _file.WriteByte((byte)'\n');
            _torn = true;
            _file.Write(bytes.GetBuffer(), 0, (int)bytes.Length);
            _torn = false;
            _unwrittenBegin = null;
            if (flush)
                _file.Flush(flushToDisk: true);
            foreach (var line in lines)
                _written.Add(line);
        }
    }
}
