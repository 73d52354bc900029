using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>Clears the current session of this runspace. No connection is closed, because a session holds none open.</summary>
[Cmdlet(VerbsCommunications.Disconnect, "RedisCluster")]
[OutputType(typeof(void))]
public sealed class DisconnectRedisClusterCommand : RedisCmdlet
{
    internal override void Run()
    {
        if (!CurrentSession.Clear())
            WriteVerbose("No cluster was connected.");
    }
}
