using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab;

/// <summary>Joins separate servers to one cluster, and waits until they agree.</summary>
internal static class ClusterForming
{
    private static readonly TimeSpan FormingNodeTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Forms a cluster as a user does, but with the slots that the caller specifies and without a journal.</summary>
    /// <param name="nodes">The nodes, masters first.</param>
    /// <param name="slots">The slots of each master.</param>
    /// <param name="connection">How to connect to the nodes.</param>
    /// <param name="nodeTimeout">The node timeout of the cluster.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="LabException">The cluster was not formed; the message says why.</exception>
    public static async Task FormAsync(
        IReadOnlyList<LocalNode> nodes,
        IReadOnlyList<IReadOnlyList<SlotRange>> slots,
        ConnectionOptions connection,
        TimeSpan nodeTimeout,
        CancellationToken cancellation)
    {
        await SetNodeTimeoutAsync(nodes, FormingNodeTimeout, cancellation);
        var session = new RedisClusterSession(nodes.Select(node => node.Endpoint), connection);
        using var redis = new RedisCluster(session) { KeepsJournal = false, LooksAhead = false };
        try
        {
            var plan = await redis.PlanNewClusterAsync([.. slots.Select(ranges => SlotSet.From(ranges))], cancellation);
            await redis.ChangeAsync(plan, cancellation);
        }
        catch (RedisOperationException failure)
        {
            throw new LabException("The cluster was not formed. " + failure.Message, failure);
        }

        await SetNodeTimeoutAsync(nodes, nodeTimeout, cancellation);
    }

    /// <summary>Waits until these nodes are connected to each other, report the same roles and slots, and serve.</summary>
    /// <param name="nodes">The nodes that have to agree.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="LabException">The wait was cancelled; the message says what was still missing.</exception>
    public static async Task WaitUntilAgreedAsync(IReadOnlyList<LocalNode> nodes, CancellationToken cancellation)
    {
        string? reason = null;
        try
        {
            while ((reason = await WhyNotAcquaintedAsync(nodes, cancellation) ?? await WhyNotServingAsync(nodes, cancellation)) is not null)
                await Task.Delay(50, cancellation);
        }
        catch (OperationCanceledException e)
        {
            throw new LabException("The cluster did not settle in time: " + (reason ?? "a node did not answer") + ".", e);
        }
    }

    // Pings carry roles and slots, and a node may be pinged as rarely as once in half a node timeout.
    private static async Task SetNodeTimeoutAsync(IEnumerable<LocalNode> nodes, TimeSpan timeout, CancellationToken cancellation)
    {
        // Garnet has no such setting: its error reply is ignored.
        foreach (var node in nodes)
            await node.AskAsync(RespCommand.Of("CONFIG", "SET", "cluster-node-timeout", (long)timeout.TotalMilliseconds), cancellation);
    }

    private static async Task<string?> WhyNotAcquaintedAsync(IReadOnlyList<LocalNode> nodes, CancellationToken cancellation)
    {
        const NodeFlags NotReady = NodeFlags.PFail | NodeFlags.Fail | NodeFlags.Handshake | NodeFlags.NoAddress;
        string? first = null;
        foreach (var node in nodes)
        {
            var lines = ClusterNodesParser.Parse((await node.SendAsync(RespCommand.Of("CLUSTER", "NODES"), cancellation)).Text);
            foreach (var other in nodes)
            {
                var line = lines.FirstOrDefault(l => l.Id == other.Id);
                if (line is null || !line.Connected || (line.Flags & NotReady) != 0)
                    return node.Endpoint + " is not connected to " + other.Endpoint + " yet";
            }

            if (lines.Any(line => (line.Flags & NodeFlags.Handshake) != 0))
                return node.Endpoint + " is still in a handshake";
            var reported = string.Join(
                " ",
                lines.OrderBy(line => line.Id, StringComparer.Ordinal).Select(line => line.Id + (line.MasterId ?? "-") + line.Slots));
            first ??= reported;
            if (first != reported)
                return node.Endpoint + " and " + nodes[0].Endpoint + " report different roles and slots";
        }

        return null;
    }

    private static async Task<string?> WhyNotServingAsync(IReadOnlyList<LocalNode> nodes, CancellationToken cancellation)
    {
        foreach (var node in nodes)
        {
            var info = (await node.SendAsync(RespCommand.Of("CLUSTER", "INFO"), cancellation)).Text;
            // A cluster with uncovered slots, which some tests need, never becomes ok.
            var full = Field(info, "cluster_slots_assigned") == HashSlot.Count.ToString(CultureInfo.InvariantCulture);
            if (full && Field(info, "cluster_state") != "ok")
                return node.Endpoint + " reports cluster_state:" + Field(info, "cluster_state");
        }

        return null;
    }

    private static string? Field(string info, string name) => info.Split('\n')
        .Select(line => line.Trim())
        .Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))
        .Select(line => line[(name.Length + 1)..])
        .FirstOrDefault();
}
