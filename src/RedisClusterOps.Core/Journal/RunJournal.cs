using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>One run as it is written: what it is about to do before it does it, and what became of it after. May be called from several threads.</summary>
/// <remarks>
/// The cluster is the truth, this is evidence. So an intent that can't be written stops its slot before anything is touched, and an
/// outcome that can't be written takes nothing back: it is a warning.
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
    private bool _torn;
    private bool _ended;

    internal RunJournal(string id, ClusterLock clusterLock, FileStream file, Func<DateTime> now)
    {
        Id = id;
        _lock = clusterLock;
        _file = file;
        _now = now;
    }

    /// <summary>Such as <c>20261123T235959Z-4f2a9c</c>: sorts by time.</summary>
    public string Id { get; }

    public string Path => _file.Name;

    /// <summary>Takes the lock of the cluster and writes that the run begins.</summary>
    /// <param name="locks">Where the lock is; null for the same folder.</param>
    /// <exception cref="RedisOperationException">JournalBusy: another run works on the cluster. JournalUnavailable: nothing can be written. Nothing was touched.</exception>
    public static RunJournal Begin(JournalFolder folder, RunHeader header, Func<DateTime>? now = null, JournalFolder? locks = null)
    {
        now ??= () => DateTime.UtcNow;
        var began = now();
        var id = began.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture) + "-" + Guid.NewGuid().ToString("N").Substring(0, 6);
        folder.Create(folder.Runs);
        var path = System.IO.Path.Combine(folder.Runs, id + RunFile.Extension);
        var clusterLock = ClusterLock.Take(locks ?? folder, header, id, began);
        FileStream? file = null;
        try
        {
            // One byte of buffer is none: what a full disk refused must not come back with the next line.
            file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 1);
            JournalFolder.OwnerOnly(path);
            var journal = new RunJournal(id, clusterLock, file, now);
            var line = JournalLine.Of(JournalLine.Begin, began);
            line.Operation = header.Operation.ToString();
            line.Strategy = header.Strategy;
            line.User = header.User;
            line.Host = header.Host;
            line.ProcessId = header.ProcessId;
            line.Version = header.Version;
            line.Seeds = [.. header.Seeds];
            line.NodeIds = [.. header.NodeIds];
            journal.Write(flush: true, line);
            JournalRetention.Prune(folder, began);
            return journal;
        }
        catch (Exception failure) when (JournalFolder.IsOfFiles(failure))
        {
            file?.Dispose();
            clusterLock.Dispose();
            throw JournalFolder.Unavailable(path, failure);
        }
    }

    /// <summary>Which slots the run is going to touch, before the first is.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: do not begin.</exception>
    public void Planned(IEnumerable<SlotEntry> slots)
    {
        var now = _now();
        WriteOrRefuse(slots.Select(slot => JournalLine.Of(JournalLine.Planned, now, slot)).ToArray());
    }

    /// <summary>What is about to be done to a slot. On the disk when this returns.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: do not touch the slot.</exception>
    public void Intend(SlotEntry slot) => WriteOrRefuse(JournalLine.Of(JournalLine.Intent, _now(), slot));

    /// <summary>The same of many slots between two masters, in a line for all.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: do not touch them.</exception>
    public void Intend(SlotEntry entry, IEnumerable<int> slots) => WriteOrRefuse(JournalLine.Of(JournalLine.Intent, _now(), entry, slots));

    /// <summary>Which slots are to go between which masters, before the first is touched.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: do not begin.</exception>
    public void Planned(IEnumerable<(SlotEntry Entry, IEnumerable<int> Slots)> moves)
    {
        var now = _now();
        WriteOrRefuse(moves.Select(move => JournalLine.Of(JournalLine.Planned, now, move.Entry, move.Slots)).ToArray());
    }

    /// <summary>How far a slot is. At most one line in two seconds; one that can't be written is left out.</summary>
    public void Progress(int slot, long keysMoved, long? keysLeft)
    {
        lock (_turn)
        {
            var now = _now();
            // A clock that was set back must not silence it.
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

    /// <summary>What this run has written about a slot; null if nothing.</summary>
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

    /// <summary>Records that a setting of a node is about to be changed, and so is to be restored. On the disk when this returns.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: do not change it.</exception>
    public void SettingChanging(int slot, string nodeId)
    {
        lock (_turn)
            _restored.Remove(nodeId);
        var line = JournalLine.Of(JournalLine.SettingChanged, _now());
        line.Slot = slot;
        line.NodeIds = [nodeId];
        WriteOrRefuse(line);
    }

    /// <summary>Records that the setting has its old value, whether it was restored or never changed. On the disk when this returns null.</summary>
    /// <returns>A warning if it could not be written: a later run may then restore the setting again.</returns>
    public string? SettingRestored(int slot, string nodeId)
    {
        lock (_turn)
        {
            _restored.Add(nodeId);
            var line = JournalLine.Of(JournalLine.Progress, _now());
            line.Slot = slot;
            // The version before takes the line for progress, so it repeats what the slot's last line said.
            line.KeysMoved = _written.SlotOf(slot)?.KeysMoved ?? 0;
            line.KeysLeft = _written.SlotOf(slot)?.KeysLeft;
            line.Restored = [nodeId];
            return TryWrite(flush: true, line) is { } trouble
                ? "The journal could not be written: " + Printable.Clean(trouble.Message).TrimEnd('.') + ". A later run may set cluster-allow-replica-migration of node " + nodeId + " to yes again."
                : null;
        }
    }

    /// <summary>What became of a slot. On the disk when this returns null.</summary>
    /// <returns>A warning where it could not be written: the slot is as the result says, only the journal does not know.</returns>
    public string? Outcome(RedisSlotMigrationResult result, FailureCode? failure = null) => Outcomes([(result, failure)]);

    /// <summary>What became of slots. On the disk when this returns null.</summary>
    /// <returns>A warning where it could not be written.</returns>
    public string? Outcomes(IReadOnlyList<(RedisSlotMigrationResult Result, FailureCode? Failure)> outcomes)
    {
        if (outcomes.Count == 0)
            return null;
        var now = _now();
        if (TryWrite(flush: true, LinesOf(now, outcomes).ToArray()) is not { } trouble)
            return null;
        var first = outcomes[0].Result;
        return "Slot " + first.Slot.ToString(CultureInfo.InvariantCulture) + " is " + first.Outcome
            + (outcomes.Count > 1 ? ", and " + (outcomes.Count - 1).ToString(CultureInfo.InvariantCulture) + " others are told as well" : string.Empty)
            + ", but the journal could not be written: " + Printable.Clean(trouble.Message).TrimEnd('.') + ". Get-RedisMigration will show it as left.";
    }

    // A line for all of which the same is to be said: most slots hold as many keys as some other.
    private static IEnumerable<JournalLine> LinesOf(DateTime now, IEnumerable<(RedisSlotMigrationResult Result, FailureCode? Failure)> outcomes)
    {
        foreach (var same in outcomes.GroupBy(outcome => (outcome.Result.Outcome, outcome.Result.KeysMoved, outcome.Result.KeysConflicting, outcome.Result.Reason, outcome.Failure)))
        {
            var line = JournalLine.Of(JournalLine.Outcome, now);
            var slots = same.Select(outcome => outcome.Result.Slot).ToList();
            if (slots.Count == 1)
                line.Slot = slots[0];
            else
                line.Slots = SlotSet.From(slots).ToString();
            line.Result = same.Key.Outcome.ToString();
            line.KeysMoved = same.Key.KeysMoved;
            line.KeysConflicting = same.Key.KeysConflicting;
            line.Milliseconds = Math.Max(0, (long)same.Max(outcome => outcome.Result.Elapsed).TotalMilliseconds);
            line.Failure = same.Key.Failure?.ToString();
            line.Reason = same.Key.Reason;
            yield return line;
        }
    }

    /// <summary>Writes that the run ended, and lets go of the cluster.</summary>
    public void Dispose()
    {
        lock (_turn)
        {
            if (_ended)
                return;
            _ended = true;
            TryWrite(flush: true, JournalLine.Of(JournalLine.End, _now()));
            _file.Dispose();
            _lock.Dispose();
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
        catch (Exception failure) when (JournalFolder.IsOfFiles(failure))
        {
            return failure;
        }
    }

    private void Write(bool flush, params JournalLine[] lines)
    {
        // In one piece, so that whoever reads meanwhile sees whole lines but for the last.
        using var bytes = new MemoryStream();
        foreach (var line in lines)
        {
            var one = line.ToBytes();
            bytes.Write(one, 0, one.Length);
        }

        lock (_turn)
        {
            // Half a line may stand there from an attempt that failed; it stays alone.
            if (_torn)
                _file.WriteByte((byte)'\n');
            _torn = true;
            _file.Write(bytes.GetBuffer(), 0, (int)bytes.Length);
            _torn = false;
            if (flush)
                _file.Flush(flushToDisk: true);
            foreach (var line in lines)
                _written.Add(line);
        }
    }
}
