using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Reports;

namespace RedisClusterOps;

/// <summary>A master in the picture of a cluster.</summary>
public sealed record RedisSlotMapMaster
{
    /// <summary>Its letter in the picture. With more than 62 masters letters repeat.</summary>
    public string Symbol { get; init; } = string.Empty;

    /// <summary><c>host:port</c>.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>Its id.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>How it is doing.</summary>
    public RedisNodeState State { get; init; }

    /// <summary>How many slots it owns.</summary>
    public int SlotCount { get; init; }

    /// <summary>The slots, lowest first.</summary>
    public IReadOnlyList<string> SlotRanges { get; init; } = [];

    /// <summary>Percent of all slots.</summary>
    public double Share { get; init; }

    /// <summary>Such as <c>A 127.0.0.1:7000</c>.</summary>
    public override string ToString() => Symbol + " " + Node;
}

/// <summary>A picture of a cluster, which master has which of the 16384 slots, and what it is drawn from.</summary>
public sealed record RedisSlotMap
{
    /// <summary>Masters that own slots or could, by address.</summary>
    public IReadOnlyList<RedisSlotMapMaster> Masters { get; init; } = [];

    /// <summary>Slots that are being moved, or whose move got stuck.</summary>
    public IReadOnlyList<string> OpenSlots { get; init; } = [];

    /// <summary>Slots of which nodes name different owners.</summary>
    public IReadOnlyList<string> DisputedSlots { get; init; } = [];

    /// <summary>Slots that nobody owns, or whose owner is down.</summary>
    public IReadOnlyList<string> UncoveredSlots { get; init; } = [];

    /// <summary>Columns that it was drawn for.</summary>
    public int Width { get; init; }

    /// <summary>The picture line by line, with the colours of a terminal where the host has them.</summary>
    public IReadOnlyList<string> Picture { get; init; } = [];

    /// <summary>The cluster it shows.</summary>
    public RedisClusterSession? Cluster { get; init; }

    internal IReadOnlyList<ScreenLine> Lines { get; init; } = [];

    /// <summary>The picture without colours.</summary>
    public override string ToString() => string.Join(Environment.NewLine, Lines);

    internal static RedisSlotMap Of(SlotChart chart, ScreenTraits screen, RedisClusterSession session)
    {
        var lines = SlotGrid.Draw(chart, screen);
        return new RedisSlotMap
        {
            Masters = chart.Masters.Select(master => new RedisSlotMapMaster
            {
                Symbol = master.Symbol,
                Node = master.Name,
                Id = master.Id,
                State = master.State,
                SlotCount = master.Slots.Count,
                SlotRanges = Texts(master.Slots),
                Share = Math.Round(master.Share, 2),
            }).ToList(),
            OpenSlots = Texts(chart.Open),
            DisputedSlots = Texts(chart.Disputed),
            UncoveredSlots = Texts(chart.Uncovered),
            Width = screen.Width,
            Lines = lines,
            Picture = lines.Select(line => screen.Color ? line.ToAnsi() : line.ToString()).ToList(),
            Cluster = session,
        };

        static List<string> Texts(SlotSet slots) => slots.Ranges.Select(range => range.ToString()).ToList();
    }
}
