using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>How a migration that the servers carry out has ended.</summary>
internal enum AtomicEnd
{
    /// <summary>It has not, or the server speaks of it in words that nobody knows here.</summary>
    None,

    Completed,

    Failed,

    Cancelled,
}

/// <summary>A slot migration that the servers themselves carry out (Redis 8.4 CLUSTER MIGRATION, Valkey 9 CLUSTER MIGRATESLOTS).</summary>
internal sealed record AtomicTask(SlotSet Slots, string SourceId, string TargetId, string State)
{
    /// <summary>What the server calls it; the same on both ends.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>True of the target's entry, false of the source's.</summary>
    public bool IsImport { get; init; }

    public AtomicEnd End { get; init; }

    /// <summary>What the server says of the last failure; empty where it says nothing. It stays while Redis tries again.</summary>
    public string Message { get; init; } = string.Empty;

    /// <summary>How often Redis has tried again.</summary>
    public long Retries { get; init; }

    /// <summary>Bytes still to be sent, where the server tells (Valkey 9.1).</summary>
    public long? Remaining { get; init; }

    /// <summary>True where Redis has failed and will try again by itself, once a second for ever.</summary>
    public bool WaitsToRetry => End == AtomicEnd.None && State == "failed";

    /// <summary>Reads CLUSTER MIGRATION STATUS ALL: the tasks that still run.</summary>
    public static IReadOnlyList<AtomicTask> ParseRedis(RespValue reply) => [.. AllOfRedis(reply).Where(task => task.End == AtomicEnd.None)];

    /// <summary>Reads CLUSTER GETSLOTMIGRATIONS: the jobs that still run.</summary>
    public static IReadOnlyList<AtomicTask> ParseValkey(RespValue reply) => [.. AllOfValkey(reply).Where(task => task.End == AtomicEnd.None)];

    /// <summary>The same with those that have ended and are still remembered.</summary>
    public static IReadOnlyList<AtomicTask> AllOfRedis(RespValue reply) => Parse(reply, "id", "slots", "source", "dest", "last_error", RedisEnd);

    /// <inheritdoc cref="AllOfRedis"/>
    public static IReadOnlyList<AtomicTask> AllOfValkey(RespValue reply) => Parse(reply, "name", "slot_ranges", "source_node", "target_node", "message", ValkeyEnd);

    // Only an import is tried again, until it is cancelled. What the source lists is one attempt, which stays failed when the import was cancelled.
    private static AtomicEnd RedisEnd(string state, bool import) => state switch
    {
        "completed" => AtomicEnd.Completed,
        "canceled" or "cancelled" => AtomicEnd.Cancelled,
        "failed" when !import => AtomicEnd.Failed,
        _ => AtomicEnd.None,
    };

    // Valkey never tries again.
    private static AtomicEnd ValkeyEnd(string state, bool import) => state switch
    {
        "success" => AtomicEnd.Completed,
        "canceled" or "cancelled" => AtomicEnd.Cancelled,
        "failed" => AtomicEnd.Failed,
        _ => AtomicEnd.None,
    };

    // Fields are found by name, never by position: a replica leaves some out, newer servers add some.
    private static IReadOnlyList<AtomicTask> Parse(
        RespValue reply, string id, string slots, string source, string target, string message, Func<string, bool, AtomicEnd> end)
    {
        var tasks = new List<AtomicTask>();
        foreach (var entry in reply.Items)
        {
            var fields = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var i = 0; i + 1 < entry.Items.Count; i += 2)
                fields[entry.Items[i].Text] = entry.Items[i + 1].Text;
            if (!fields.TryGetValue("state", out var state) || !fields.TryGetValue(slots, out var written))
                continue;
            var ranges = written.Split([' '], StringSplitOptions.RemoveEmptyEntries)
                .Select(part => SlotRange.TryParse(part, out var range) ? range : (SlotRange?)null)
                .Where(range => range.HasValue)
                .Select(range => range!.Value);
            // An entry that does not say which end it is of may be one that is tried again.
            var import = !(Field("operation") is "migrate" or "EXPORT");
            tasks.Add(new AtomicTask(SlotSet.From(ranges), Field(source), Field(target), Printable.Clean(state, 40))
            {
                Id = Printable.Clean(Field(id), 80),
                IsImport = import,
                End = end(state, import),
                Message = Printable.Clean(Field(message).Trim()),
                Retries = Number("retries") ?? 0,
                Remaining = Number("remaining_repl_size"),
            });

            string Field(string name) => fields.TryGetValue(name, out var value) ? value : string.Empty;

            long? Number(string name) =>
                long.TryParse(Field(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        }

        return tasks;
    }
}
