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

    public static async Task FormAsync(
        IReadOnlyList<LocalNode> masters,
        IReadOnlyList<LocalNode> replicas,
        IReadOnlyList<IReadOnlyList<SlotRange>> slots,
        TimeSpan nodeTimeout,
        CancellationToken cancellation)
    {
        LocalNode[] nodes = [.. masters, .. replicas];
        // Nodes with equal epochs resolve the collision later, in the middle of a test.
        for (var i = 0; i < nodes.Length; i++)
            await nodes[i].SendAsync(RespCommand.Of("CLUSTER", "SET-CONFIG-EPOCH", i + 1), cancellation);
        for (var i = 0; i < masters.Count; i++)
        {
            if (slots[i].Count > 0)
            {
                object[] ends = [.. slots[i].SelectMany(range => new object[] { range.First, range.Last })];
                await masters[i].SendAsync(RespCommand.Of(["CLUSTER", "ADDSLOTSRANGE", .. ends]), cancellation);
            }
        }

        await SetNodeTimeoutAsync(nodes, FormingNodeTimeout, cancellation);
        // Every node meets every other: waiting for gossip to spread an introduction takes seconds.
        for (var i = 0; i < nodes.Length; i++)
        {
            for (var j = i + 1; j < nodes.Length; j++)
                await nodes[i].SendAsync(RespCommand.Of("CLUSTER", "MEET", nodes[j].Endpoint.Host, nodes[j].Endpoint.Port), cancellation);
        }

        if (replicas.Count > 0)
        {
            await WaitForAsync(() => WhyNotAcquaintedAsync(nodes, cancellation), cancellation);
            for (var i = 0; i < replicas.Count; i++)
                await replicas[i].SendAsync(RespCommand.Of("CLUSTER", "REPLICATE", masters[i % masters.Count].Id), cancellation);
        }

        await WaitUntilAgreedAsync(nodes, replicas, cancellation);
        await SetNodeTimeoutAsync(nodes, nodeTimeout, cancellation);
    }

    /// <summary>Waits until these nodes are connected to each other, report the same roles and slots, and serve.</summary>
    /// <param name="nodes">The nodes that have to agree.</param>
    /// <param name="replicas">The nodes among them that have to be in sync with their master.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="LabException">The wait was cancelled; the message says what was still missing.</exception>
    public static Task WaitUntilAgreedAsync(
        IReadOnlyList<LocalNode> nodes, IReadOnlyList<LocalNode> replicas, CancellationToken cancellation) =>
        WaitForAsync(
            async () => await WhyNotAcquaintedAsync(nodes, cancellation)
                ?? await WhyNotServingAsync(nodes, cancellation)
                ?? await WhyNotReplicatingAsync(replicas, cancellation),
            cancellation);

    // Pings carry roles and slots, and a node may be pinged as rarely as once in half a node timeout.
    private static async Task SetNodeTimeoutAsync(IEnumerable<LocalNode> nodes, TimeSpan timeout, CancellationToken cancellation)
    {
        // Garnet has no such setting: its error reply is ignored.
        foreach (var node in nodes)
            await node.AskAsync(RespCommand.Of("CONFIG", "SET", "cluster-node-timeout", (long)timeout.TotalMilliseconds), cancellation);
    }

    private static async Task WaitForAsync(Func<Task<string?>> whyNot, CancellationToken cancellation)
    {
        string? reason = null;
        try
        {
            while ((reason = await whyNot()) is not null)
                await Task.Delay(50, cancellation);
        }
        catch (OperationCanceledException e)
        {
            throw new LabException("The cluster did not settle in time: " + (reason ?? "a node did not answer") + ".", e);
        }
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

    private static async Task<string?> WhyNotReplicatingAsync(IReadOnlyList<LocalNode> replicas, CancellationToken cancellation)
    {
        foreach (var replica in replicas)
        {
            var info = (await replica.SendAsync(RespCommand.Of("INFO", "replication"), cancellation)).Text;
            if (Field(info, "master_link_status") != "up" || Field(info, "master_sync_in_progress") == "1")
                return replica.Endpoint + " is not in sync with its master yet";
        }

        return null;
    }

    private static string? Field(string info, string name) => info.Split('\n')
        .Select(line => line.Trim())
        .Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))
        .Select(line => line[(name.Length + 1)..])
        .FirstOrDefault();
}
