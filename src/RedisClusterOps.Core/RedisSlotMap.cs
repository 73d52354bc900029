using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Reports;

namespace RedisClusterOps;

/// <summary>What a screen can show.</summary>
/// <param name="Width">The number of columns.</param>
/// <param name="Unicode">True if it shows characters beyond ASCII.</param>
/// <param name="Color">True if it shows colors.</param>
public sealed record ScreenTraits(int Width, bool Unicode, bool Color)
{
    /// <summary>A narrower screen has no room for a legend.</summary>
    public const int Narrowest = 40;
}

/// <summary>A master of a slot map.</summary>
public sealed record RedisSlotMapMaster
{
    /// <summary>Its letter in the map. With more than 62 masters letters repeat.</summary>
    public string Symbol { get; init; } = string.Empty;

    /// <summary><c>host:port</c>.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>Its id.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>The state.</summary>
    public RedisNodeState State { get; init; }

    /// <summary>How many slots it owns.</summary>
    public int SlotCount { get; init; }

    /// <summary>The slots, lowest first.</summary>
    public IReadOnlyList<string> SlotRanges { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>Percent of all slots.</summary>
    public double Share { get; init; }

    /// <summary>Such as <c>A 127.0.0.1:7000</c>.</summary>
    public override string ToString() => Symbol + " " + Node;
}

/// <summary>A map of the 16384 slots and their owners, and the data that it shows.</summary>
public sealed record RedisSlotMap : IClusterResult
{
    /// <summary>Masters that own slots or can own slots, ordered by address.</summary>
    public IReadOnlyList<RedisSlotMapMaster> Masters { get; init => field = value.Shown(); } = ShownList<RedisSlotMapMaster>.Empty;

    /// <summary>Slots with an open migration.</summary>
    public IReadOnlyList<string> OpenSlots { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>Slots whose owner is reported differently by the nodes.</summary>
    public IReadOnlyList<string> DisputedSlots { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>Slots without an owner, or whose owner is down.</summary>
    public IReadOnlyList<string> UncoveredSlots { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>The width in columns.</summary>
    public int Width { get; init; }

    /// <summary>The map line by line, with terminal colors if the host supports them.</summary>
    public IReadOnlyList<string> Picture { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>The cluster that it shows.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    internal IReadOnlyList<ScreenLine> Lines { get; init; } = [];

    /// <summary>The map without colors.</summary>
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
