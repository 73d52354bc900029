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

/// <summary>The letters and colours of masters and marks. Nothing is told by colour alone: every master has a letter, every mark a sign.</summary>
internal static class MapPalette
{
    /// <summary>More masters than this begin with A again; where they are, and the legend, tell them apart.</summary>
    public const string Symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Black, of the 256 colours that terminals agree about.</summary>
    public const int Black = 16;

    /// <summary>White of the same.</summary>
    public const int White = 231;

    // Neighbours in the list differ in hue and in lightness; black can be read on all of them.
    private static readonly int[] Papers = [32, 220, 35, 211, 44, 167, 148, 105, 180, 30, 208, 176];

    /// <summary>Fills of a page on white, for white letters.</summary>
    public static IReadOnlyList<string> Light { get; } =
        ["#1f6fb4", "#8a6100", "#15803d", "#b91c4b", "#0e7490", "#b04a0a", "#4d7c0f", "#5b52c9", "#7c4a21", "#0f766e", "#a8326f", "#7e3fb0"];

    /// <summary>Fills of a page on black, for black letters.</summary>
    public static IReadOnlyList<string> Dark { get; } =
        ["#6cb6ff", "#e0c341", "#5fd38d", "#ff8fa8", "#4fd0e6", "#f0a35e", "#b3d94f", "#a5a0ff", "#d9a066", "#5cc9b8", "#f08cc8", "#c99bf0"];

    public static int Count => Papers.Length;

    public static string Symbol(int index) => Symbols[index % Symbols.Length].ToString();

    public static int Paper(int index) => Papers[index % Papers.Length];

    /// <summary>Signs of marks; none of them is a master's letter.</summary>
    public static string Sign(SlotMark mark, bool unicode) => mark switch
    {
        SlotMark.Open => unicode ? "◆" : "*",
        SlotMark.Disputed => "?",
        SlotMark.Uncovered => unicode ? "×" : "!",
        _ => " ",
    };

    public static string Word(SlotMark mark) => mark switch
    {
        SlotMark.Open => "open",
        SlotMark.Disputed => "disputed",
        SlotMark.Uncovered => "uncovered",
        _ => string.Empty,
    };

    public static (int Ink, int Paper) Colors(SlotMark mark) => mark switch
    {
        SlotMark.Open => (Black, White),
        SlotMark.Disputed => (White, 90),
        _ => (White, 160),
    };
}
