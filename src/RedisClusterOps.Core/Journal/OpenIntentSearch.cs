using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Journal;

/// <summary>Finds, from the newest run to the oldest, which run left a slot open, and since when. Ends as soon as every slot is settled.</summary>
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

        // What a run changed and nothing restored is still to be restored, whichever run resumes the slot.
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
            var (run, own, since, kept) = pair.Value;
            if (own is not null)
                intents[pair.Key] = new OpenIntent(_own!.Id, IsRunning: true, own with { SuppressedNodes = kept }, since);
            else if (read(run!, pair.Key) is { } found)
                intents[pair.Key] = new OpenIntent(run!.Id, found.IsRunning, found.Slot with { SuppressedNodes = kept }, since);
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
    /// <param name="Own">What the own run has written of it.</param>
    /// <param name="Since">When the oldest run in a row took it up that did not finish it.</param>
    /// <param name="Suppressed">Nodes whose setting is still to be restored.</param>
    private sealed record Found(RunSummary? Run, RedisMigrationSlot? Own, DateTime Since, List<string> Suppressed);
}
