using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Reflection;

namespace RedisClusterOps.Module.Tests;

/// <summary>A cmdlet as described by its attributes.</summary>
internal sealed record CmdletClass(Type Type, CmdletAttribute Attribute)
{
    public static IReadOnlyList<CmdletClass> All { get; } =
    [
        .. typeof(RedisClusterCmdlet).Assembly.GetTypes()
            .Where(type => type.IsDefined(typeof(CmdletAttribute), inherit: false))
            .Select(type => new CmdletClass(type, type.GetCustomAttribute<CmdletAttribute>()!))
            .OrderBy(cmdlet => cmdlet.Name, StringComparer.Ordinal),
    ];

    public string Name => Attribute.VerbName + "-" + Attribute.NounName;

    public IReadOnlyList<PropertyInfo> Parameters =>
        [.. Type.GetProperties().Where(property => property.IsDefined(typeof(ParameterAttribute), inherit: true))];

    public override string ToString() => Name;
}
