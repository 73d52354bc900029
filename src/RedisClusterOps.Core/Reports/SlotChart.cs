using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Reports;

/// <summary>What is to be seen of a slot beyond its owner; of several the worst.</summary>
internal enum SlotMark
{
    None,

    /// <summary>It is being moved, or its move got stuck.</summary>
    Open,

    /// <summary>Nodes name different owners.</summary>
    Disputed,

    /// <summary>Nobody owns it, or its owner is down: nobody serves it.</summary>
    Uncovered,
}

/// <summary>A master of a chart.</summary>
/// <param name="Index">Its place: the same master has the same letter and colour before and after a move.</param>
/// <param name="Name"><c>host:port</c>, or its short id, safe to print.</param>
/// <param name="IsDown">It does not serve what it owns.</param>
internal sealed record ChartedMaster(int Index, string Id, string Name, SlotSet Slots, RedisNodeState State, bool IsDown)
{
    public string Symbol => MapPalette.Symbol(Index);

    public double Share => 100.0 * Slots.Count / HashSlot.Count;
}

/// <summary>All that a picture of a cluster shows: whose each slot is, and which need a look. No colour, no size.</summary>
internal sealed class SlotChart
{
    public const int Nobody = -1;

    private readonly int[] _owners = new int[HashSlot.Count];
    private readonly SlotMark[] _marks = new SlotMark[HashSlot.Count];

    public SlotChart(IReadOnlyList<ChartedMaster> masters, SlotSet open, SlotSet disputed, SlotSet uncovered)
    {
        Masters = masters;
        (Open, Disputed) = (open, disputed);
        for (var slot = 0; slot < _owners.Length; slot++)
            _owners[slot] = Nobody;
        foreach (var master in masters)
        {
            foreach (var slot in master.Slots.Slots)
                _owners[slot] = master.Index;
        }

        Uncovered = SlotSet.From(uncovered.Ranges.Concat(masters.Where(master => master.IsDown).SelectMany(master => master.Slots.Ranges)));
        Mark(Open, SlotMark.Open);
        Mark(Disputed, SlotMark.Disputed);
        Mark(Uncovered, SlotMark.Uncovered);
    }

    /// <summary>By address, as every list of nodes is.</summary>
    public IReadOnlyList<ChartedMaster> Masters { get; }

    public SlotSet Open { get; }

    public SlotSet Disputed { get; }

    public SlotSet Uncovered { get; }

    public static SlotChart Of(ClusterView view)
    {
        var masters = view.Nodes
            .Select(node => (Node: node, Slots: view.SlotsOf(node.Id)))
            // A master that is gone, and owns nothing any more, is a matter of the findings.
            .Where(known => known.Slots.Count > 0 || known.Node.IsReachableMaster)
            .OrderBy(known => known.Node.Announced is null).ThenBy(known => known.Node.Announced).ThenBy(known => known.Node.Id, StringComparer.Ordinal)
            .Select((known, index) => new ChartedMaster(
                index, known.Node.Id, Printable.Clean(known.Node.Name, 200), known.Slots, known.Node.State, known.Node.State == RedisNodeState.Fail || !known.Node.IsReachable))
            .ToList();
        var moving = view.AtomicTasks.SelectMany(task => task.Slots.Ranges);
        var open = SlotSet.From(view.OpenFlags.Select(flag => new SlotRange(flag.Slot, flag.Slot)).Concat(moving));
        return new SlotChart(masters, open, view.DisputedSlots(), view.UnownedSlots);
    }

    /// <summary>Index of the slot's owner, or <see cref="Nobody"/>.</summary>
    public int OwnerOf(int slot) => _owners[slot];

    public SlotMark MarkOf(int slot) => _marks[slot];

    public SlotSet Marked(SlotMark mark) => mark switch
    {
        SlotMark.Open => Open,
        SlotMark.Disputed => Disputed,
        SlotMark.Uncovered => Uncovered,
        _ => SlotSet.Empty,
    };

    private void Mark(SlotSet slots, SlotMark mark)
    {
        foreach (var slot in slots.Slots)
            _marks[slot] = mark;
    }
}
