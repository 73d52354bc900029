using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Versioning;
using Xunit;

namespace RedisClusterOps.Module.Tests;

/// <summary>
/// Windows PowerShell 5.1 runs on .NET Framework 4.7.2 or later. A call of a missing member would fail there only at run time, so these
/// tests check every member that the shipped assemblies use.
/// </summary>
public sealed class FrameworkApiTests
{
    private static readonly FrameworkApi Framework = new(typeof(FrameworkApiTests).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == "Framework").Value!);

    public static TheoryData<Type> Shipped => [typeof(RedisCluster), typeof(RedisClusterCmdlet)];

    [Theory, MemberData(nameof(Shipped))]
    public void A_shipped_assembly_uses_only_members_of_NET_Framework_4_7_2(Type type)
    {
        Assert.Equal(".NETStandard,Version=v2.0", type.Assembly.GetCustomAttribute<TargetFrameworkAttribute>()!.FrameworkName);
        Assert.Empty(Framework.Missing(type.Assembly.Location, name => name == "netstandard"));
    }

    [Fact]
    public void A_member_of_newer_frameworks_is_found()
    {
        // This test uses such a member, so its own assembly is the counterexample.
        Assert.NotEmpty(Path.GetRelativePath("a", Path.Join("a", "b")));
        Assert.InRange(Framework.TypeCount, 5_000, int.MaxValue);
        var missing = Framework.Missing(
            typeof(FrameworkApiTests).Assembly.Location,
            name => name.StartsWith("System.", StringComparison.Ordinal) && name != "System.Management.Automation");
        Assert.Contains("System.IO.Path: static String GetRelativePath(String, String)", missing);
        Assert.DoesNotContain(missing, member => member.StartsWith("System.IO.Path: static String Combine(", StringComparison.Ordinal));
    }
}

/// <summary>
/// The types and members of a framework's reference assemblies, by name and signature. Finds those that another assembly uses and the
/// framework lacks.
/// </summary>
internal sealed class FrameworkApi
{
    private readonly Dictionary<string, (string? Base, HashSet<string> Members)> _types = new(StringComparer.Ordinal);

    /// <param name="folder">The folder of the reference assemblies.</param>
    public FrameworkApi(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*.dll"))
            Open(file, Add);
    }

    public int TypeCount => _types.Count;

    /// <summary>Gets the platform types and members that an assembly uses and this framework lacks.</summary>
    /// <param name="file">The assembly.</param>
    /// <param name="isPlatform">Whether a referenced assembly, given by name, is part of the platform.</param>
    public IReadOnlyList<string> Missing(string file, Func<string, bool> isPlatform)
    {
        var missing = new SortedSet<string>(StringComparer.Ordinal);
        Open(file, reader =>
        {
            var types = reader.TypeReferences.Where(handle => isPlatform(AssemblyOf(reader, handle))).ToHashSet();
            missing.UnionWith(types.Select(handle => SignatureNames.NameOf(reader, handle)).Where(name => !_types.ContainsKey(name)));
            foreach (var member in reader.MemberReferences.Select(reader.GetMemberReference))
            {
                if (ParentOf(reader, member.Parent) is not { } parent || !types.Contains(parent))
                    continue;
                var (type, text) = (SignatureNames.NameOf(reader, parent), Describe(reader, member));
                if (_types.ContainsKey(type) && !Has(type, text, reader.GetString(member.Name)))
                    missing.Add(type + ": " + text);
            }
        });
        return [.. missing];
    }

    private static void Open(string file, Action<MetadataReader> read)
    {
        using var stream = File.OpenRead(file);
        using var image = new PEReader(stream);
        if (image.HasMetadata)
            read(image.GetMetadataReader());
    }

    private void Add(MetadataReader reader)
    {
        foreach (var handle in reader.TypeDefinitions)
        {
            var type = reader.GetTypeDefinition(handle);
            var members = new HashSet<string>(StringComparer.Ordinal);
            foreach (var method in type.GetMethods().Select(reader.GetMethodDefinition))
                members.Add(Describe(reader.GetString(method.Name), method.DecodeSignature(SignatureNames.Instance, null)));
            foreach (var field in type.GetFields().Select(reader.GetFieldDefinition))
                members.Add(field.DecodeSignature(SignatureNames.Instance, null) + " " + reader.GetString(field.Name));
            _types.TryAdd(SignatureNames.NameOf(reader, handle), (BaseOf(reader, type.BaseType), members));
        }
    }

    // The base of an inherited member may have other type arguments, so only the name is compared there.
    private bool Has(string type, string text, string name)
    {
        if (_types[type].Members.Contains(text))
            return true;
        for (var at = _types[type].Base; at is not null && _types.TryGetValue(at, out var found); at = found.Base)
        {
            if (found.Members.Contains(text) || found.Members.Any(member => member.Contains(" " + name + "(", StringComparison.Ordinal)))
                return true;
        }

        return false;
    }

    private static string Describe(MetadataReader reader, MemberReference member) => member.GetKind() == MemberReferenceKind.Field
        ? member.DecodeFieldSignature(SignatureNames.Instance, null) + " " + reader.GetString(member.Name)
        : Describe(reader.GetString(member.Name), member.DecodeMethodSignature(SignatureNames.Instance, null));

    private static string Describe(string name, MethodSignature<string> method) =>
        (method.Header.IsInstance ? string.Empty : "static ")
        + method.ReturnType + " " + name + "(" + string.Join(", ", method.ParameterTypes) + ")"
        + (method.GenericParameterCount > 0 ? "`" + method.GenericParameterCount : string.Empty);

    private static string? BaseOf(MetadataReader reader, EntityHandle handle) => handle.IsNil ? null : handle.Kind switch
    {
        HandleKind.TypeDefinition => SignatureNames.NameOf(reader, (TypeDefinitionHandle)handle),
        HandleKind.TypeReference => SignatureNames.NameOf(reader, (TypeReferenceHandle)handle),
        _ => reader.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(SignatureNames.Instance, null).Split('<')[0],
    };

    private static TypeReferenceHandle? ParentOf(MetadataReader reader, EntityHandle parent) => parent.Kind switch
    {
        HandleKind.TypeReference => (TypeReferenceHandle)parent,
        HandleKind.TypeSpecification => GenericDefinition.Of(reader, (TypeSpecificationHandle)parent),
        _ => null,
    };

    private static string AssemblyOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        var scope = reader.GetTypeReference(handle).ResolutionScope;
        return scope.Kind switch
        {
            HandleKind.TypeReference => AssemblyOf(reader, (TypeReferenceHandle)scope),
            HandleKind.AssemblyReference => reader.GetString(reader.GetAssemblyReference((AssemblyReferenceHandle)scope).Name),
            _ => string.Empty,
        };
    }

    /// <summary>Gets the generic type of an instance; null for arrays and the like.</summary>
    private static class GenericDefinition
    {
        public static TypeReferenceHandle? Of(MetadataReader reader, TypeSpecificationHandle handle)
        {
            var blob = reader.GetBlobReader(reader.GetTypeSpecification(handle).Signature);
            if (blob.ReadSignatureTypeCode() != SignatureTypeCode.GenericTypeInstance)
                return null;
            blob.ReadCompressedInteger();
            var type = blob.ReadTypeHandle();
            return type.Kind == HandleKind.TypeReference ? (TypeReferenceHandle)type : null;
        }
    }
}

/// <summary>Renders signatures as text, without the assemblies of types, whose names differ between frameworks.</summary>
internal sealed class SignatureNames : ISignatureTypeProvider<string, object?>
{
    public static readonly SignatureNames Instance = new();

    public static string NameOf(MetadataReader reader, TypeDefinitionHandle handle)
    {
        var type = reader.GetTypeDefinition(handle);
        var outer = type.GetDeclaringType();
        return Join(reader, outer.IsNil ? null : NameOf(reader, outer), type.Namespace, type.Name);
    }

    public static string NameOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        var type = reader.GetTypeReference(handle);
        var isNested = type.ResolutionScope.Kind == HandleKind.TypeReference;
        var outer = isNested ? NameOf(reader, (TypeReferenceHandle)type.ResolutionScope) : null;
        return Join(reader, outer, type.Namespace, type.Name);
    }

    public string GetArrayType(string elementType, ArrayShape shape) => elementType + "[" + new string(',', shape.Rank - 1) + "]";

    public string GetByReferenceType(string elementType) => elementType + "&";

    public string GetFunctionPointerType(MethodSignature<string> signature) => "fnptr";

    public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) =>
        genericType + "<" + string.Join(", ", typeArguments) + ">";

    public string GetGenericMethodParameter(object? genericContext, int index) => "!!" + index;

    public string GetGenericTypeParameter(object? genericContext, int index) => "!" + index;

    public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

    public string GetPinnedType(string elementType) => elementType;

    public string GetPointerType(string elementType) => elementType + "*";

    public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

    public string GetSZArrayType(string elementType) => elementType + "[]";

    public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => NameOf(reader, handle);

    public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => NameOf(reader, handle);

    public string GetTypeFromSpecification(
        MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
        reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

    private static string Join(MetadataReader reader, string? outer, StringHandle space, StringHandle name) =>
        outer is not null
        ? outer + "+" + reader.GetString(name)
        : space.IsNil ? reader.GetString(name) : reader.GetString(space) + "." + reader.GetString(name);
}
