using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Runs an operation with a fault, then the same command until it succeeds, and returns the broken invariants.</summary>
internal static class Proof
{
    private const int MostAttempts = 4;

    /// <param name="mayStop">True if the operation may also stop for a decision of the operator.</param>
    /// <returns>Every attempt and every broken invariant.</returns>
    public static (IReadOnlyList<Attempt> Attempts, IReadOnlyList<string> Violations) Run(
        Scene scene, Operation operation, INodeConnector first, Func<INodeConnector, INodeConnector>? through = null, bool mayStop = false)
    {
        var cluster = scene.Cluster;
        scene.Traffic.ReportsRedirectLoops =
            scene.State is Start.Stable or Start.ImportingOnly or Start.Migrating or Start.Drained && !operation.Repairs;
        var attempts = new List<Attempt> { operation.Run(scene, first) };
        cluster.Ledger.RequireNothingLost();
        for (; attempts.Count < MostAttempts && !attempts[^1].Succeeded && !IsOver(attempts[^1]);)
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
                cluster.Ledger.Violate("done: not done after " + attempts.Count + " attempts");
        }

        return (attempts, cluster.Ledger.Violations);

        // An earlier attempt that died had finished the work.
        bool IsOver(Attempt attempt) => attempt.Failure?.Code == FailureCode.SlotNotOpen && operation.IsDone(scene);
    }
}
