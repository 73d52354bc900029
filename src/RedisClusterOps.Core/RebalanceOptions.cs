using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>What a rebalance evens out.</summary>
public enum RebalanceMeasure : long
{
    /// <summary>The number of slots.</summary>
    Slots,

    /// <summary>The number of keys.</summary>
    Keys,

    /// <summary>The memory of the keys.</summary>
    Memory,

    /// <summary>The CPU time of commands on the slots, measured when the plan is made.</summary>
    Cpu,

    /// <summary>The bytes that clients send and receive for the slots, measured when the plan is made.</summary>
    Network,
}

/// <summary>The goal of a rebalance.</summary>
public sealed record RebalanceOptions
{
    /// <summary>
    /// Node (id, unique id prefix or <c>host:port</c>) -> weight, 0 or more; 0 drains the node. The default is 1, or 0 for a master without
    /// slots if <see cref="UseEmptyMaster"/> is false.
    /// </summary>
    public IReadOnlyDictionary<string, double> Weights { get; init; } = new Dictionary<string, double>();

    /// <summary>True to move slots to masters that have none.</summary>
    public bool UseEmptyMaster { get; init; }

    /// <summary>The deviation of a master's share that causes no move: 0 to 100 percent. The default is 2; 0 makes exact shares.</summary>
    public double Threshold { get; init; } = 2;

    /// <summary>
    /// The default threshold for a measure, in percent. A load that was measured for a few seconds varies, so a small difference is not
    /// worth a move.
    /// </summary>
    public static double DefaultThreshold(RebalanceMeasure by) => by is RebalanceMeasure.Cpu or RebalanceMeasure.Network ? 10 : 2;

    /// <summary>What is evened out.</summary>
    public RebalanceMeasure By { get; init; }

    /// <summary>
    /// Masters that neither lose nor gain a slot: ids, unique id prefixes, <c>host:port</c> or ports. The others are evened out among
    /// themselves.
    /// </summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>The most slots to move, 1 to 16384: those that even out most. Null for all.</summary>
    public int? MaxSlots { get; init; }

    /// <summary>Reads weights from numbers in the invariant culture. Their range is checked when the rebalance is planned.</summary>
    /// <param name="texts">The node and its weight, as in <see cref="Weights"/>.</param>
    /// <exception cref="RedisOperationException">InvalidArgument: a weight is not a number.</exception>
    public static IReadOnlyDictionary<string, double> ParseWeights(IReadOnlyDictionary<string, string> texts) =>
        texts.ToDictionary(pair => pair.Key, ParseWeight, StringComparer.Ordinal);

    /// <summary>Such as <c>by Slots, threshold 2 %, empty masters too, 10.0.0.1:6379 = 2</c>.</summary>
    public override string ToString() => string.Format(CultureInfo.InvariantCulture, "by {0}, threshold {1} %", By, Threshold)
        + (UseEmptyMaster ? ", empty masters too" : string.Empty)
        + (Exclude.Count > 0 ? ", without " + string.Join(" and ", Exclude) : string.Empty)
        + (MaxSlots is { } most ? string.Format(CultureInfo.InvariantCulture, ", at most {0} slots", most) : string.Empty)
        + string.Concat(Weights.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(Text));

    private static double ParseWeight(KeyValuePair<string, string> text)
    {
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (double.TryParse(text.Value, Style, CultureInfo.InvariantCulture, out var weight))
            return weight;
        throw new RedisOperationException(
            FailureCode.InvalidArgument,
            "The weight of '" + Printable.Clean(text.Key, 80) + "' is '" + Printable.Clean(text.Value, 80) + "', which is not a number.",
            text.Key,
            new NextAction(NextActionCode.Advice) { Note = "Specify a number for that node, such as 1." });
    }

    private static string Text(KeyValuePair<string, double> weight) =>
        string.Format(CultureInfo.InvariantCulture, ", {0} = {1}", weight.Key, weight.Value);
}

/// <summary>Which whole slots to move, and where to.</summary>
public sealed record SlotSelection
{
    /// <summary>Only these slots, 0 to 16383; null to use <see cref="Count"/>.</summary>
    public IReadOnlyList<int>? Slots { get; init; }

    /// <summary>
    /// How many slots, 1 to 16384, from the sources in proportion to their slots.
    /// Null without <see cref="Slots"/> means all of the sources.
    /// </summary>
    public int? Count { get; init; }

    /// <summary>
    /// The source masters: node ids, unique id prefixes, or <c>host:port</c>; <c>*</c> for all except the target.
    /// Null for the owners of the named slots.
    /// </summary>
    public IReadOnlyList<string>? Sources { get; init; }

    /// <summary>The target master: node id, unique id prefix, or <c>host:port</c>.</summary>
    public string Target { get; init; } = string.Empty;
}
