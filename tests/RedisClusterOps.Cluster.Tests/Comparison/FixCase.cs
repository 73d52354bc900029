using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests.Comparison;

/// <summary>A problem of a slot, how to create it by hand, and the results of both tools.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="MakeAsync">Creates the problem on a fresh slot of S.</param>
internal sealed record FixCase(string Name, Func<SlotScene, Task> MakeAsync)
{
    /// <summary>The value on T of a key that S has with another value.</summary>
    public const string Rival = "written on T";

    /// <summary>The exit status of <c>redis-cli --cluster fix</c> and the state afterwards.</summary>
    public required string Tool { get; init; }

    /// <summary>The same for valkey-cli on Valkey, if it differs.</summary>
    public string? ToolOnValkey { get; init; }

    /// <summary>The outcome for this slot of a repair of the whole cluster, and the state afterwards.</summary>
    public required string Ours { get; init; }

    public string? OursOnValkey { get; init; }

    /// <summary>
    /// True if the tool makes another master the owner while S still holds keys. S may delete them, so the test accepts lost keys.
    /// </summary>
    public bool MayLose { get; init; }

    /// <summary>
    /// True if it depends on the machine whether a key reaches T before the timeout. S has the right value in both cases.
    /// </summary>
    public bool MayNotArrive { get; init; }

    /// <summary>Further arguments of the tool.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>The input at the prompt of the tool.</summary>
    public string Input { get; init; } = string.Empty;

    /// <summary>The node that both tools connect to; by default S.</summary>
    public Func<SlotScene, LocalNode>? Entry { get; init; }

    /// <summary>The user of both tools; null for the default user.</summary>
    public (string Name, string Password)? User { get; init; }

    public RepairOptions Repair { get; init; } = new();

    public MoveOptions Move { get; init; } = new();

    /// <summary>Runs between the repair and the measurement, for example to restart a node.</summary>
    public Func<SlotScene, Task>? AfterAsync { get; init; }

    /// <summary>True to run the same command again after that.</summary>
    public bool Twice { get; init; }

    /// <summary>True if any master may own the slot afterwards.</summary>
    public bool AnyOwner { get; init; }

    /// <summary>The options of a separate cluster, for problems that cannot be undone; null to use the shared one.</summary>
    public Func<LocalClusterOptions, LocalClusterOptions>? Cluster { get; init; }

    public int Replicas { get; init; }

    public string ToolOn(string server) => server == Servers.Valkey91 && ToolOnValkey is { } other ? other : Tool;

    public string OursOn(string server) => server == Servers.Valkey91 && OursOnValkey is { } other ? other : Ours;
}
