using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>One run of an operation in which something happens, the same command again until it is done, and what is then found broken.</summary>
internal static class Proof
{
    private const int MostAttempts = 4;

    /// <param name="mayStop">True where stopping for a person's decision is right, too.</param>
    /// <returns>Every attempt, and every broken promise.</returns>
    public static (IReadOnlyList<Attempt> Attempts, IReadOnlyList<string> Violations) Run(
        Scene scene, Operation operation, INodeConnector first, Func<INodeConnector, INodeConnector>? through = null, bool mayStop = false)
    {
        var cluster = scene.Cluster;
        scene.Traffic.ReportsCircles = scene.State is Start.Stable or Start.ImportingOnly or Start.Migrating or Start.Drained && operation != Operation.Repair;
        var attempts = new List<Attempt> { operation.Run(scene, first) };
        cluster.Ledger.RequireNothingLost();
        for (; attempts.Count < MostAttempts && !attempts[^1].Succeeded && !IsOver(attempts[^1]); )
        {
            cluster.Clock.Pass(TimeSpan.FromMilliseconds(500));
            attempts.Add(operation.Run(scene, through?.Invoke(cluster)));
        }

        cluster.Settle();
        if (attempts.Any(attempt => attempt.Succeeded) || IsOver(attempts[^1]))
        {
            operation.RequireDone(scene);
            var last = operation.Run(scene, through?.Invoke(cluster));
            if (last.Writes > 0)
                cluster.Ledger.Violate("I6: a second run sent " + last.Writes + " commands that write");
        }
        else
        {
            cluster.Ledger.RequireNothingLost();
            if (!(mayStop && attempts[^1].Failure?.Code is FailureCode.KeyExistsOnTarget or FailureCode.NodeUnreachable))
                cluster.Ledger.Violate("done: it is not done after " + attempts.Count + " attempts");
        }

        return (attempts, cluster.Ledger.Violations);

        // An earlier attempt came to the end, and nobody lived to see it.
        bool IsOver(Attempt attempt) => attempt.Failure?.Code == FailureCode.SlotNotOpen && operation.IsDone(scene);
    }
}
