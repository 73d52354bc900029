using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>How a server-side migration ended.</summary>
internal enum AtomicEnd
{
    /// <summary>It has not ended, or its state is unknown to this module.</summary>
    None,

    Completed,

    Failed,

    Cancelled,
}

/// <summary>A server-side slot migration (Redis 8.4 CLUSTER MIGRATION, Valkey 9 CLUSTER MIGRATESLOTS).</summary>
internal sealed record AtomicTask(SlotSet Slots, string SourceId, string TargetId, string State)
{
    /// <summary>The server's id or name of the migration; the same on both nodes.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>True for the target's entry, false for the source's.</summary>
    public bool IsImport { get; init; }

    public AtomicEnd End { get; init; }

    /// <summary>The server's message about the last failure; empty if there is none. It remains while Redis retries.</summary>
    public string Message { get; init; } = string.Empty;

    /// <summary>The number of retries by Redis.</summary>
    public long Retries { get; init; }

    /// <summary>The bytes that remain to be sent; null if the server does not report them (before Valkey 9.1).</summary>
    public long? Remaining { get; init; }

    /// <summary>True if the attempt failed and Redis will retry, once a second without limit.</summary>
    public bool WaitsToRetry => End == AtomicEnd.None && State == "failed";

    /// <summary>Reads the tasks in progress from CLUSTER MIGRATION STATUS ALL.</summary>
    public static IReadOnlyList<AtomicTask> ParseRedis(RespValue reply) =>
        [.. AllOfRedis(reply).Where(task => task.End == AtomicEnd.None)];

    /// <summary>Reads the jobs in progress from CLUSTER GETSLOTMIGRATIONS.</summary>
    public static IReadOnlyList<AtomicTask> ParseValkey(RespValue reply) =>
        [.. AllOfValkey(reply).Where(task => task.End == AtomicEnd.None)];

    /// <summary>Reads all tasks, including ended ones that the server still lists.</summary>
    public static IReadOnlyList<AtomicTask> AllOfRedis(RespValue reply) =>
        Parse(reply, "id", "slots", "source", "dest", "last_error", RedisEnd);

    /// <inheritdoc cref="AllOfRedis"/>
    public static IReadOnlyList<AtomicTask> AllOfValkey(RespValue reply) =>
        Parse(reply, "name", "slot_ranges", "source_node", "target_node", "message", ValkeyEnd);

    // Redis retries an import until it is cancelled. The source lists one attempt, which remains failed if the import was cancelled.
    private static AtomicEnd RedisEnd(string state, bool import) => state switch
    {
        "completed" => AtomicEnd.Completed,
        "canceled" or "cancelled" => AtomicEnd.Cancelled,
        "failed" when !import => AtomicEnd.Failed,
        _ => AtomicEnd.None,
    };

    // Valkey never retries.
    private static AtomicEnd ValkeyEnd(string state, bool import) => state switch
    {
        "success" => AtomicEnd.Completed,
        "canceled" or "cancelled" => AtomicEnd.Cancelled,
        "failed" => AtomicEnd.Failed,
        _ => AtomicEnd.None,
    };

    // Fields are found by name, not by position: a replica omits some, and newer servers add some.
    private static IReadOnlyList<AtomicTask> Parse(
        RespValue reply, string id, string slots, string source, string target, string message, Func<string, bool, AtomicEnd> end)
    {
        var tasks = new List<AtomicTask>();
        foreach (var entry in reply.Items)
        {
            var fields = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var i = 0; i + 1 < entry.Items.Count; i += 2)
                fields[entry.Items[i].Text] = entry.Items[i + 1].Text;
            if (!fields.TryGetValue("state", out var state) || !fields.TryGetValue(slots, out var listed))
                continue;
            var ranges = listed.Split([' '], StringSplitOptions.RemoveEmptyEntries)
                .Select(part => SlotRange.TryParse(part, out var range) ? range : (SlotRange?)null)
                .Where(range => range.HasValue)
                .Select(range => range!.Value);

            // An entry without an operation counts as an import, which may be retried.
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
