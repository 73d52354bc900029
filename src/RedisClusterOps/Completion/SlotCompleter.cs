using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps.Completion;

/// <summary>Completes a slot: the open slots first, then the first slot of each range that a master owns.</summary>
public class SlotCompleter : ClusterCompleter
{
    internal virtual bool OpenOnly => false;

    internal override IEnumerable<CompletionResult> Complete(string command, string word, IDictionary bound)
    {
        if (Query<Tuple<IReadOnlyList<RedisOpenSlot>, IReadOnlyList<RedisClusterNode>>>(command, bound, async (cluster, stop) =>
        {
            var (open, nodes) = await cluster.ListSlotsAsync(stop).ConfigureAwait(false);
            return Tuple.Create(open, nodes);
        }) is not { } found)
        {
            return [];
        }

        var slots = found.Item1.Select(slot => (slot.Slot, ToolTip: ToolTip(slot)));
        if (!OpenOnly)
        {
            slots = slots.Concat(found.Item2
                .SelectMany(node => node.SlotRanges.Select(range =>
                    (Slot: First(range), ToolTip: "the first of " + range + ", owned by " + node.Endpoint)))
                .OrderBy(slot => slot.Slot));
        }

        return slots.GroupBy(slot => slot.Slot).Select(same => same.First())
            .Select(slot => (Text: slot.Slot.ToString(CultureInfo.InvariantCulture), slot.ToolTip))
            .Where(slot => slot.Text.StartsWith(word, StringComparison.Ordinal))
            .Select(slot => Result(slot.Text, slot.Text, slot.ToolTip));
    }

    // Such as: Migrating, 127.0.0.1:7001 (100 keys) -> 127.0.0.1:7003 (50 keys)
    private static string ToolTip(RedisOpenSlot slot) =>
        slot.State + ", " + End(slot.Source, slot.KeysOnSource) + " -> " + End(slot.Target, slot.KeysOnTarget);

    private static string End(string? node, long? keys) =>
        node is null ? "?" : keys is null ? node : node + " (" + PlanText.Keys(keys) + ")";

    private static int First(string range) => int.Parse(range.Split('-')[0], CultureInfo.InvariantCulture);
}

/// <summary>Completes an open slot, for cmdlets that need one.</summary>
public sealed class OpenSlotCompleter : SlotCompleter
{
    internal override bool OpenOnly => true;
}
