using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Topology;

/// <summary>A slot migration that the servers themselves carry out (Redis 8.4 CLUSTER MIGRATION, Valkey 9 CLUSTER MIGRATESLOTS).</summary>
internal sealed record AtomicTask(SlotSet Slots, string SourceId, string TargetId, string State)
{
    // Redis calls a task finished when it is completed or cancelled; a failed import is retried until it is cancelled.
    // Valkey never retries: success, failed and cancelled are ends.
    private static readonly HashSet<string> RedisEnds = new(StringComparer.Ordinal) { "completed", "canceled", "cancelled" };
    private static readonly HashSet<string> ValkeyEnds = new(StringComparer.Ordinal) { "success", "failed", "cancelled", "canceled" };

    /// <summary>Reads CLUSTER MIGRATION STATUS ALL: the tasks that still run.</summary>
    public static IReadOnlyList<AtomicTask> ParseRedis(RespValue reply) => Parse(reply, "slots", "source", "dest", RedisEnds);

    /// <summary>Reads CLUSTER GETSLOTMIGRATIONS: the jobs that still run.</summary>
    public static IReadOnlyList<AtomicTask> ParseValkey(RespValue reply) => Parse(reply, "slot_ranges", "source_node", "target_node", ValkeyEnds);

    // Fields are found by name, never by position: a replica leaves some out, newer servers add some.
    private static IReadOnlyList<AtomicTask> Parse(RespValue reply, string slots, string source, string target, HashSet<string> ends)
    {
        var tasks = new List<AtomicTask>();
        foreach (var entry in reply.Items)
        {
            var fields = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var i = 0; i + 1 < entry.Items.Count; i += 2)
                fields[entry.Items[i].Text] = entry.Items[i + 1].Text;
            if (!fields.TryGetValue("state", out var state) || ends.Contains(state) || !fields.TryGetValue(slots, out var written))
                continue;
            // Only an import is tried again. What the source lists is one attempt, which stays failed when the import was cancelled.
            if (state == "failed" && Field("operation") == "migrate")
                continue;
            var ranges = written.Split([' '], StringSplitOptions.RemoveEmptyEntries)
                .Select(part => SlotRange.TryParse(part, out var range) ? range : (SlotRange?)null)
                .Where(range => range.HasValue)
                .Select(range => range!.Value);
            tasks.Add(new AtomicTask(SlotSet.From(ranges), Field(source), Field(target), Printable.Clean(state, 40)));

            string Field(string name) => fields.TryGetValue(name, out var value) ? value : string.Empty;
        }

        return tasks;
    }
}
