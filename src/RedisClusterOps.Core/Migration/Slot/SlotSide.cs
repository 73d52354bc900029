using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>One of the two nodes that keys go between, as a client of it.</summary>
/// <param name="Connection">The node.</param>
/// <param name="Asks">True where the node only imports the slot: it then serves a key to whoever says ASKING before each command.</param>
internal readonly record struct SlotSide(INodeConnection Connection, bool Asks);
