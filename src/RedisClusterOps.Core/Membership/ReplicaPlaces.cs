using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Membership;

/// <summary>Chooses the masters of replicas so that as few as possible are on their master's host.</summary>
internal static class ReplicaPlaces
{
    /// <param name="hosts">The host of each node. The first nodes are the masters.</param>
    /// <param name="masters">The number of masters.</param>
    /// <returns>For each further node, the index of its master. All masters have equally many, or the first ones one more.</returns>
    public static IReadOnlyList<int> Of(IReadOnlyList<string> hosts, int masters)
    {
        // Each replica takes one place, and place i belongs to master i modulo the number of masters.
        var count = hosts.Count - masters;
        var replicaAt = Enumerable.Repeat(-1, count).ToArray();
        for (var replica = 0; replica < count; replica++)
            TryPlace(replica, new bool[count]);
        var placeOf = Enumerable.Repeat(-1, count).ToArray();
        for (var place = 0; place < count; place++)
        {
            if (replicaAt[place] >= 0)
                placeOf[replicaAt[place]] = place;
        }

        // Whatever is left shares the host of its master.
        var free = new Queue<int>(Enumerable.Range(0, count).Where(place => replicaAt[place] < 0));
        return placeOf.Select(place => (place >= 0 ? place : free.Dequeue()) % masters).ToList();

        // An augmenting path: a replica takes a place whose holder can move to another one.
        bool TryPlace(int replica, bool[] tried)
        {
            for (var i = 0; i < count; i++)
            {
                var place = (replica + i) % count;
                if (tried[place] || hosts[place % masters] == hosts[masters + replica])
                    continue;
                tried[place] = true;
                if (replicaAt[place] >= 0 && !TryPlace(replicaAt[place], tried))
                    continue;
                replicaAt[place] = replica;
                return true;
            }

            return false;
        }
    }
}
