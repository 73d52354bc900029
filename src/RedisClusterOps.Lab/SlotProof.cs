using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Lab;

/// <summary>Whether a completed slot is what it should be, read from each server itself and not through the code that completed it.</summary>
/// <param name="AskedNodes">How many servers were asked.</param>
/// <param name="Objections">What is not as it should be; empty of a proof.</param>
internal sealed record SlotProof(int AskedNodes, IReadOnlyList<string> Objections)
{
    public static async Task<SlotProof> ReadAsync(LocalCluster cluster, int slot, NodeEndpoint owner, CancellationToken cancellation)
    {
        var objections = new List<string>();
        foreach (var node in cluster.Nodes)
        {
            var lines = ClusterNodesParser.Parse((await node.SendAsync(RespCommand.Of("CLUSTER", "NODES"), cancellation)).Text);
            var named = lines.FirstOrDefault(line => line.Slots.Contains(slot))?.Endpoint;
            if (named != owner)
                objections.Add(node.Endpoint + " names " + (named?.ToString() ?? "nobody") + " as the owner of slot " + slot + ", not " + owner);
            if (lines.Any(line => line.MigratingTo.Count + line.ImportingFrom.Count > 0))
                objections.Add(node.Endpoint + " still shows an open slot");
            var owned = lines.Sum(line => line.Slots.Count);
            if (owned != HashSlot.Count)
                objections.Add(node.Endpoint + " knows owners of " + owned + " slots, not of all " + HashSlot.Count);
        }

        return new SlotProof(cluster.Nodes.Count, objections);
    }
}
