using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Journal;

/// <summary>A slot that a run of this journal left open, as far as the journal knows.</summary>
/// <param name="RunId">The newest such run.</param>
/// <param name="IsRunning">True while that run holds the lock of the cluster.</param>
/// <param name="Slot">What the run was about to do to the slot.</param>
/// <param name="Since">When the slot was opened, UTC: by the oldest of consecutive runs that did not finish it.</param>
internal sealed record OpenIntent(string RunId, bool IsRunning, RedisMigrationSlot Slot, DateTime Since);

/// <summary>
/// Finds, from the newest run to the oldest, which run left a slot open, and since when. Stops once every slot is settled.
/// </summary>
internal sealed class OpenIntentSearch
{
    private readonly bool[] _isWanted = new bool[HashSlot.Count];
    private readonly Dictionary<int, Found> _found = [];
    private readonly HashSet<string> _restored = new(StringComparer.Ordinal);
    private readonly RunJournal? _own;
    private int _wanted;

    /// <param name="slots">The slots to find; null for all.</param>
    /// <param name="own">The newest run of all, if this invocation has begun one.</param>
    public OpenIntentSearch(IReadOnlyCollection<int>? slots, RunJournal? own)
    {
        _own = own;
        foreach (var slot in (slots ?? Enumerable.Range(0, HashSlot.Count)).Where(slot => slot is >= 0 and < HashSlot.Count))
            _isWanted[slot] = true;
        _wanted = _isWanted.Count(isWanted => isWanted);
        if (own is null)
            return;
        for (var slot = 0; slot < HashSlot.Count; slot++)
        {
            if (!_isWanted[slot] || own.SlotOf(slot) is not { } written)
                continue;
            if (written.IsUnfinished)
                _found[slot] = new Found(null, written, written.Since!.Value, [.. written.SuppressedNodes]);
            else if (written.Outcome is not null)
                Settle(slot);
        }

        _restored.UnionWith(own.Restored);
    }

    /// <summary>True once no older run can change the result.</summary>
    public bool IsDone => _wanted == 0;

    /// <summary>Adds the next older run.</summary>
    public void Add(RunSummary run)
    {
        foreach (var (since, slots) in run.Open)
        {
            foreach (var slot in slots.Slots.Where(slot => _isWanted[slot]))
                _found[slot] = _found.TryGetValue(slot, out var later) ? later with { Since = since } : new Found(run, null, since, []);
        }

        // A setting that was changed and not restored has to be restored by any run that resumes the slot.
        foreach (var (slot, node) in run.Suppressed)
        {
            if (_isWanted[slot] && !_restored.Contains(node) && _found.TryGetValue(slot, out var found) && !found.Suppressed.Contains(node))
                found.Suppressed.Add(node);
        }

        _restored.UnionWith(run.Restored);
        foreach (var slot in run.Closed.Slots)
            Settle(slot);
    }

    /// <param name="read">Reads a slot of a run from its file, and whether the run is running; null if the file is gone.</param>
    public IReadOnlyDictionary<int, OpenIntent> Intents(Func<RunSummary, int, (RedisMigrationSlot Slot, bool IsRunning)?> read)
    {
        var intents = new Dictionary<int, OpenIntent>();
        foreach (var pair in _found)
        {
            var (run, own, since, suppressed) = pair.Value;
            if (own is not null)
                intents[pair.Key] = new OpenIntent(_own!.Id, IsRunning: true, own with { SuppressedNodes = suppressed }, since);
            else if (read(run!, pair.Key) is { } found)
                intents[pair.Key] = new OpenIntent(run!.Id, found.IsRunning, found.Slot with { SuppressedNodes = suppressed }, since);
        }

        return intents;
    }

    private void Settle(int slot)
    {
        if (!_isWanted[slot])
            return;
        _isWanted[slot] = false;
        _wanted--;
    }

    /// <param name="Run">The newest run that left the slot open; null for the own run.</param>
    /// <param name="Own">What the own run has written about it.</param>
    /// <param name="Since">When the oldest of consecutive runs that did not finish it opened it.</param>
    /// <param name="Suppressed">Nodes whose setting has to be restored.</param>
    private sealed record Found(RunSummary? Run, RedisMigrationSlot? Own, DateTime Since, List<string> Suppressed);
}
