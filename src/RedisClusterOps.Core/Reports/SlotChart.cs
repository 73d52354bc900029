using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Reports;

/// <summary>The most severe problem of a slot, in ascending order.</summary>
internal enum SlotMark
{
    None,

    /// <summary>Its migration is open.</summary>
    Open,

    /// <summary>Nodes report different owners.</summary>
    Disputed,

    /// <summary>It has no owner, or its owner is down.</summary>
    Uncovered,
}

/// <summary>A master of a chart.</summary>
/// <param name="Index">Its position, which decides its letter and color. They are the same before and after a move.</param>
/// <param name="Id">Its id.</param>
/// <param name="Name"><c>host:port</c> or its short id, safe to print.</param>
/// <param name="Slots">The slots it owns.</param>
/// <param name="State">Its state.</param>
/// <param name="IsDown">True if it does not serve its slots.</param>
internal sealed record ChartedMaster(int Index, string Id, string Name, SlotSet Slots, RedisNodeState State, bool IsDown)
{
    public string Symbol => MapPalette.Symbol(Index);

    public double Share => 100.0 * Slots.Count / HashSlot.Count;
}

/// <summary>What a slot map shows, without colors and sizes: the owner of each slot, and which slots have a problem.</summary>
internal sealed class SlotChart
{
    public const int NoOwner = -1;

    private readonly int[] _owners = new int[HashSlot.Count];
    private readonly SlotMark[] _marks = new SlotMark[HashSlot.Count];

    public SlotChart(IReadOnlyList<ChartedMaster> masters, SlotSet open, SlotSet disputed, SlotSet uncovered)
    {
        Masters = masters;
        (Open, Disputed) = (open, disputed);
        for (var slot = 0; slot < _owners.Length; slot++)
            _owners[slot] = NoOwner;
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

    /// <summary>Ordered by address, like every list of nodes.</summary>
    public IReadOnlyList<ChartedMaster> Masters { get; }

    public SlotSet Open { get; }

    public SlotSet Disputed { get; }

    public SlotSet Uncovered { get; }

    public static SlotChart Of(ClusterView view)
    {
        var masters = view.Nodes
            .Select(node => (Node: node, Slots: view.SlotsOf(node.Id)))
            // An unreachable master without slots is reported by the findings.
            .Where(known => known.Slots.Count > 0 || known.Node.IsReachableMaster)
            .OrderBy(known => known.Node.Announced is null).ThenBy(known => known.Node.Announced)
            .ThenBy(known => known.Node.Id, StringComparer.Ordinal)
            .Select((known, index) => Charted(index, known.Node, known.Slots))
            .ToList();
        var moving = view.AtomicTasks.SelectMany(task => task.Slots.Ranges);
        var open = SlotSet.From(view.OpenFlags.Select(flag => new SlotRange(flag.Slot, flag.Slot)).Concat(moving));
        return new SlotChart(masters, open, view.DisputedSlots(), view.UnownedSlots);
    }

    private static ChartedMaster Charted(int index, ClusterNode node, SlotSet slots) => new(
        index, node.Id, Printable.Clean(node.Name, 200), slots, node.State, IsDown: node.State == RedisNodeState.Fail || !node.IsReachable);

    /// <summary>Index of the slot's owner, or <see cref="NoOwner"/>.</summary>
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

/// <summary>
/// The letters and colors of masters and marks. Nothing depends on color alone: every master has a letter, every mark a sign.
/// </summary>
internal static class MapPalette
{
    /// <summary>With more masters than letters, the letters repeat. The position and the legend distinguish them.</summary>
    public const string Symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Black of the 256 standard terminal colors.</summary>
    public const int Black = 16;

    /// <summary>White of the 256 standard terminal colors.</summary>
    public const int White = 231;

    // Adjacent entries differ in hue and in lightness. Black is readable on all of them.
    private static readonly int[] Papers = [32, 220, 35, 211, 44, 167, 148, 105, 180, 30, 208, 176];

    /// <summary>Fills on a white page, for white letters.</summary>
    public static IReadOnlyList<string> Light { get; } =
    [
        "#1f6fb4", "#8a6100", "#15803d", "#b91c4b", "#0e7490", "#b04a0a",
        "#4d7c0f", "#5b52c9", "#7c4a21", "#0f766e", "#a8326f", "#7e3fb0",
    ];

    /// <summary>Fills on a black page, for black letters.</summary>
    public static IReadOnlyList<string> Dark { get; } =
    [
        "#6cb6ff", "#e0c341", "#5fd38d", "#ff8fa8", "#4fd0e6", "#f0a35e",
        "#b3d94f", "#a5a0ff", "#d9a066", "#5cc9b8", "#f08cc8", "#c99bf0",
    ];

    public static int Count => Papers.Length;

    public static string Symbol(int index) => Symbols[index % Symbols.Length].ToString();

    public static int Paper(int index) => Papers[index % Papers.Length];

    /// <summary>The sign of a mark, which is never a master's letter.</summary>
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
