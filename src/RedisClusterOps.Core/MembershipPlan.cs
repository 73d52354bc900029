using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Membership;

namespace RedisClusterOps;

/// <summary>A change of members or roles: the exact commands, in order, node by node.</summary>
public sealed record MembershipPlan
{
    /// <summary>The operation.</summary>
    public MigrationOperation Kind { get; init; }

    /// <summary><c>host:port</c> of the node that changes, or its short id if its address is unknown.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>Id of that node; null if there are several.</summary>
    public string? NodeId { get; init; }

    /// <summary>The change in short, such as <c>set replica: replicate 127.0.0.1:7001</c>.</summary>
    public string Action { get; init; } = string.Empty;

    /// <summary>What the node is now, such as <c>replica of 127.0.0.1:7002</c>.</summary>
    public string Before { get; init; } = string.Empty;

    /// <summary>What the node is afterwards.</summary>
    public string After { get; init; } = string.Empty;

    /// <summary>The commands that change the cluster, in order.</summary>
    public IReadOnlyList<PlannedCommand> Commands =>
        Steps.Select(step => new PlannedCommand(step.Node.Name, step.Command.ToString(), step.Why)).ToList();

    /// <summary>What to know before the plan is carried out.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What the preflight check found.</summary>
    public IReadOnlyList<PlanFinding> Findings { get; init; } = [];

    /// <summary>True if every node already reports the change.</summary>
    public bool IsDone { get; init; }

    /// <summary>The folder of the journal; null for the user's own.</summary>
    public string? JournalPath { get; init; }

    /// <summary>The cluster.</summary>
    public RedisClusterSession? Cluster { get; init; }

    /// <summary>In a failover, the id of the master that the replica replaces.</summary>
    internal string? FormerMasterId { get; init; }

    /// <summary>The request that the plan was derived from.</summary>
    internal MembershipRequest? Request { get; init; }

    /// <summary>The steps that are left.</summary>
    internal IReadOnlyList<MembershipStep> Steps { get; init; } = [];

    /// <summary>Commands that only read, and without which the change can't be proved.</summary>
    internal IReadOnlyList<MembershipStep> Reads { get; init; } = [];

    /// <summary>What every node reports once the change is complete.</summary>
    internal Condition Proof { get; init; } = _ => null;
}
