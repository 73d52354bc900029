using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Reflection;
using Xunit;

namespace RedisClusterOps.Module.Tests;

/// <summary>What scripts and programs rely on changes only by decision: it is the list in tests/surface.txt.</summary>
public sealed class SurfaceTests
{
    private const string List = "tests/surface.txt";

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(bool)] = "bool", [typeof(byte)] = "byte", [typeof(int)] = "int", [typeof(long)] = "long", [typeof(double)] = "double",
        [typeof(string)] = "string", [typeof(object)] = "object", [typeof(void)] = "void", [typeof(SwitchParameter)] = "switch",
    };

    [Fact]
    public void The_public_surface_is_the_list_in_the_repository()
    {
        var lines = Cmdlets().Concat(Types()).ToList();
        if (Environment.GetEnvironmentVariable("RCO_SURFACE") == "write")
            File.WriteAllText(Repository.Path(List), string.Join('\n', lines) + "\n");
        // Each line is below its cmdlet or type. The same property may be in many types.
        var expected = Qualified(File.ReadAllLines(Repository.Path(List)));
        var actual = Qualified(lines);
        var differences = expected.Except(actual).Select(line => "- " + line).Concat(actual.Except(expected).Select(line => "+ " + line));
        var text = string.Join('\n', differences);
        Assert.True(text.Length == 0, "The public surface changed. If that is meant: ./build.ps1 -Task Surface\n" + text);
    }

    private static IEnumerable<string> Cmdlets()
    {
        foreach (var cmdlet in CmdletClass.All)
        {
            var returned = cmdlet.Type.GetCustomAttributes<OutputTypeAttribute>().SelectMany(attribute => attribute.Type)
                .Select(type => NameOf(type.Type)).Distinct();
            var traits = cmdlet.Attribute.SupportsShouldProcess ? ", asks from " + cmdlet.Attribute.ConfirmImpact : string.Empty;
            yield return cmdlet.Name + ": " + string.Join(", ", returned) + traits;
            foreach (var parameter in cmdlet.Parameters.OrderBy(parameter => parameter.Name, StringComparer.Ordinal))
            {
                var aliases = parameter.GetCustomAttribute<AliasAttribute>()?.AliasNames ?? [];
                // An override has attributes of its own.
                var own = parameter.GetCustomAttributes<ParameterAttribute>(inherit: false).ToList();
                var sets = own.Count > 0 ? own : parameter.GetCustomAttributes<ParameterAttribute>();
                var text = string.Concat(sets.Select(SetOf).Order(StringComparer.Ordinal));
                var names = string.Concat(aliases.Select(alias => " = -" + alias));
                yield return "  -" + parameter.Name + " <" + NameOf(parameter.PropertyType) + ">" + names + text;
            }
        }
    }

    private static string SetOf(ParameterAttribute set)
    {
        var words = new List<string>();
        if (set.ParameterSetName != ParameterAttribute.AllParameterSets)
            words.Add("set " + set.ParameterSetName);
        if (set.Mandatory)
            words.Add("mandatory");
        if (set.Position != int.MinValue)
            words.Add("position " + set.Position);
        if (set.ValueFromPipeline)
            words.Add("by value");
        if (set.ValueFromPipelineByPropertyName)
            words.Add("by name");
        return words.Count == 0 ? string.Empty : " [" + string.Join(", ", words) + "]";
    }

    // Error ids, findings and alerts are enums of the core.
    private static IEnumerable<string> Types()
    {
        foreach (var type in typeof(RedisCluster).Assembly.GetExportedTypes().OrderBy(NameOf, StringComparer.Ordinal))
        {
            yield return (type.IsEnum ? "enum " : type.IsInterface ? "interface " : type.IsValueType ? "struct " : "class ") + NameOf(type);
            IEnumerable<string> members = type.IsEnum ? Enum.GetNames(type) : Members(type).Distinct().Order(StringComparer.Ordinal);
            foreach (var member in members)
                yield return "  " + member;
        }
    }

    private static IEnumerable<string> Members(Type type)
    {
        const BindingFlags Declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        foreach (var constructor in type.GetConstructors())
            yield return "new(" + ParametersOf(constructor) + ")";
        foreach (var property in type.GetProperties(Declared).Where(property => property.Name != "EqualityContract"))
            yield return property.Name + ": " + NameOf(property.PropertyType);
        // The types file adds it.
        if (type.IsClass && typeof(IClusterResult).IsAssignableFrom(type))
            yield return "Cluster: ClusterName";
        foreach (var field in type.GetFields(Declared))
            yield return field.Name + ": " + NameOf(field.FieldType);
        foreach (var method in type.GetMethods(Declared).Where(method => !method.IsSpecialName && !IsOfEveryRecord(method)))
            yield return method.Name + "(" + ParametersOf(method) + "): " + NameOf(method.ReturnType);
    }

    private static bool IsOfEveryRecord(MethodInfo method) =>
        method.Name is "Equals" or "GetHashCode" or "ToString" or "Deconstruct" or "<Clone>$" or "CompareTo" or "GetType";

    private static string ParametersOf(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(parameter => NameOf(parameter.ParameterType) + " " + parameter.Name));

    private static string NameOf(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } value)
            return NameOf(value) + "?";
        if (type.IsArray)
            return NameOf(type.GetElementType()!) + "[]";
        if (type.IsByRef)
            return "out " + NameOf(type.GetElementType()!);
        if (Keywords.TryGetValue(type, out var keyword))
            return keyword;
        var name = type.IsNested && !type.IsGenericParameter ? NameOf(type.DeclaringType!) + "." + type.Name : type.Name;
        return type.IsGenericType
            ? name.Split('`')[0] + "<" + string.Join(", ", type.GetGenericArguments().Select(NameOf)) + ">"
            : name;
    }

    private static List<string> Qualified(IEnumerable<string> lines)
    {
        var (owner, qualified) = (string.Empty, new List<string>());
        foreach (var line in lines)
        {
            owner = line.StartsWith(' ') ? owner : line.Split(':')[0];
            qualified.Add(line.StartsWith(' ') ? owner + line[1..] : line);
        }

        return qualified;
    }
}
