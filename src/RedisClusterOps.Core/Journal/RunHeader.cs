using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;

namespace RedisClusterOps.Journal;

/// <summary>What a run is and who runs it. Nothing secret can be in it: of the session only the addresses are taken.</summary>
/// <param name="Operation">Such as <c>Complete</c>.</param>
/// <param name="Strategy">Of an undo.</param>
/// <param name="Seeds">How the cluster was reached: <c>host:port</c>.</param>
/// <param name="NodeIds">Every node of the cluster: by them a later run knows that it is the same one.</param>
internal sealed record RunHeader(MigrationOperation Operation, string? Strategy, IReadOnlyList<string> Seeds, IReadOnlyList<string> NodeIds)
{
    public string User { get; init; } = Environment.UserName;

    public string Host { get; init; } = Environment.MachineName;

    public int ProcessId { get; init; } = CurrentProcessId();

    public string Version { get; init; } = typeof(RunHeader).Assembly.GetName().Version.ToString(3);

    public static RunHeader Of(MigrationOperation operation, string? strategy, RedisClusterSession session, IEnumerable<string> nodeIds) =>
        new(operation, strategy, session.Seeds.Select(seed => seed.ToString()).ToArray(), nodeIds.ToArray());

    private static int CurrentProcessId()
    {
        using var self = Process.GetCurrentProcess();
        return self.Id;
    }
}
