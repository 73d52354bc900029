using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>
/// Gets the health of a cluster in the view of every node. Each finding has its effect on clients and the next command to run.
/// </summary>
[Cmdlet(VerbsCommon.Get, "RedisClusterHealth")]
[OutputType(typeof(RedisClusterHealth))]
public sealed class GetRedisClusterHealthCommand : ClusterCheckCmdlet
{
    internal override void Run() => WriteObject(Check());
}
