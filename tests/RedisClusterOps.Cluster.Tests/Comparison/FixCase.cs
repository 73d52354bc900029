using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests.Comparison;

/// <summary>One thing that can be wrong with a slot, how it is made by hand, and what both tools make of it.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="MakeAsync">Brings a fresh slot of S into it.</param>
internal sealed record FixCase(string Name, Func<SlotScene, Task> MakeAsync)
{
    /// <summary>The value of a key that was written on T while S has another of the same name.</summary>
    public const string Rival = "written on T";

    /// <summary>How <c>redis-cli --cluster fix</c> ends, and what it leaves.</summary>
    public required string Tool { get; init; }

    /// <summary>The same of valkey-cli on Valkey, where it differs.</summary>
    public string? ToolOnValkey { get; init; }

    /// <summary>How a repair of the whole cluster ends for that slot, and what it leaves.</summary>
    public required string Ours { get; init; }

    public string? OursOnValkey { get; init; }

    /// <summary>
    /// True where the tool makes another master the owner while S still holds keys, before S is told to keep them: they are lost by chance,
    /// so a loss is no surprise to the test.
    /// </summary>
    public bool MayLose { get; init; }

    /// <summary>True where it depends on the machine how far a key came before the time was up: with S it is right, whether T has it as well or not.</summary>
    public bool MayNotArrive { get; init; }

    /// <summary>More arguments of the tool.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>What is typed when it asks.</summary>
    public string Input { get; init; } = string.Empty;

    /// <summary>The node that the tools are pointed at; null for S.</summary>
    public Func<SlotScene, LocalNode>? Entry { get; init; }

    /// <summary>Who both tools log in as; null for the default user.</summary>
    public (string Name, string Password)? User { get; init; }

    public RepairOptions Repair { get; init; } = new();

    public MoveOptions Move { get; init; } = new();

    /// <summary>What happens between the repair and the measurement, such as that a node comes back.</summary>
    public Func<SlotScene, Task>? AfterAsync { get; init; }

    /// <summary>True to run the same command once more after that.</summary>
    public bool Twice { get; init; }

    /// <summary>True where any owner is as good as another.</summary>
    public bool AnyOwner { get; init; }

    /// <summary>A cluster of its own, for what can't be put right again; null to share one.</summary>
    public Func<LocalClusterOptions, LocalClusterOptions>? Cluster { get; init; }

    public int Replicas { get; init; }

    public string ToolOn(string server) => server == Servers.Valkey91 && ToolOnValkey is { } other ? other : Tool;

    public string OursOn(string server) => server == Servers.Valkey91 && OursOnValkey is { } other ? other : Ours;
}
