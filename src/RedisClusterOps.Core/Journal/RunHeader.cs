using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;

namespace RedisClusterOps.Journal;

/// <summary>A run and its process. It holds no secret: of the session it contains only the addresses.</summary>
/// <param name="Strategy">The strategy of an undo.</param>
/// <param name="Seeds">The addresses by which the cluster was reached, as <c>host:port</c>.</param>
/// <param name="NodeIds">All nodes of the cluster. By them a later run recognizes the cluster.</param>
internal sealed record RunHeader(MigrationOperation Operation, string? Strategy, IReadOnlyList<string> Seeds, IReadOnlyList<string> NodeIds)
{
    public string User { get; init; } = Environment.UserName;

    public string Host { get; init; } = Environment.MachineName;

    public int ProcessId { get; init; } = CurrentProcessId();

    public string Version { get; init; } = typeof(RunHeader).Assembly.GetName().Version.ToString(3);

    public static RunHeader Of(MigrationOperation operation, string? strategy, RedisClusterSession session, IEnumerable<string> nodeIds) =>
        new(operation, strategy, session.Seeds.Select(seed => seed.ToString()).ToArray(), nodeIds.ToArray());

    /// <summary>The master of each replica, by their ids. A replica that was promoted since stands for its former master.</summary>
    public IReadOnlyDictionary<string, string>? MasterOfReplica { get; init; }

    /// <summary>The commands of a change of members or roles, each with its node.</summary>
    public IReadOnlyList<string> Commands { get; init; } = [];

    /// <summary>The node of a change of members or roles: its address, and its id; null if there is none, or several.</summary>
    public string? Node { get; init; }

    /// <inheritdoc cref="Node"/>
    public string? NodeId { get; init; }

    /// <summary>Whether masters that lose their last slot stay masters, as in a resume of the run.</summary>
    public bool KeepsEmptyMaster { get; init; }

    /// <summary>The first line of the run's file.</summary>
    public JournalLine ToLine(DateTime began)
    {
        var line = ToHolderLine(began);
        line.Strategy = Strategy;
        line.Version = Version;
        line.Seeds = [.. Seeds];
        line.NodeIds = [.. NodeIds];
        line.Replicas = MasterOfReplica?.Select(replica => replica.Key + "=" + replica.Value).ToArray();
        line.Commands = Commands.Count == 0 ? null : [.. Commands];
        line.Target = Node;
        line.TargetId = NodeId;
        line.KeepsEmptyMaster = KeepsEmptyMaster ? true : null;
        return line;
    }

    /// <summary>The line that names the process in the file beside its lock.</summary>
    public JournalLine ToHolderLine(DateTime began)
    {
        var line = JournalLine.Of(JournalLine.Begin, began);
        line.Operation = Operation.ToString();
        line.User = User;
        line.Host = Host;
        line.ProcessId = ProcessId;
        line.Seeds = [];
        line.NodeIds = [];
        return line;
    }

    private static int CurrentProcessId()
    {
        using var self = Process.GetCurrentProcess();
        return self.Id;
    }
}
