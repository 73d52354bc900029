using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab;

/// <summary>The owners of all slots as the servers report them, read without the code under test.</summary>
/// <param name="Slots">The slots of each master; empty for a master without slots.</param>
internal sealed record OwnerMap(IReadOnlyDictionary<NodeEndpoint, SlotSet> Slots)
{
    /// <summary>Reads every server's own view.</summary>
    /// <exception cref="LabException">Two servers disagree, a slot is open or has no owner.</exception>
    public static async Task<OwnerMap> ReadAsync(LocalCluster cluster, CancellationToken cancellation)
    {
        OwnerMap? first = null;
        foreach (var node in cluster.Nodes)
        {
            var lines = ClusterNodesParser.Parse((await node.SendAsync(RespCommand.Of("CLUSTER", "NODES"), cancellation)).Text);
            if (lines.Any(line => line.MigratingTo.Count + line.ImportingFrom.Count > 0))
                throw new LabException(node.Endpoint + " still has an open slot.");
            var masters = lines.Where(line => line.IsMaster && line.Endpoint is not null);
            var map = new OwnerMap(masters.ToDictionary(line => line.Endpoint!.Value, line => line.Slots));
            var owned = map.Slots.Values.Sum(slots => slots.Count);
            if (owned != HashSlot.Count)
                throw new LabException(node.Endpoint + " reports owners of " + owned + " slots, not of all " + HashSlot.Count + ".");
            first ??= map;
            if (!map.Equals(first))
                throw new LabException(node.Endpoint + " and " + cluster.Nodes[0].Endpoint + " report different owners.");
        }

        return first!;
    }

    /// <summary>The owner of a slot.</summary>
    public NodeEndpoint OwnerOf(int slot) => Slots.First(master => master.Value.Contains(slot)).Key;

    /// <summary>True if every slot has the same owner in both.</summary>
    public bool Equals(OwnerMap? other) =>
        other is not null
        && Slots.Count == other.Slots.Count
        && Slots.All(master => other.Slots.TryGetValue(master.Key, out var slots) && slots.Equals(master.Value));

    public override int GetHashCode() => Slots.Count;
}
